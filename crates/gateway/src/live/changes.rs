//! Where in the journals what was last changed, as far as the event streams have come.

use std::sync::atomic::{AtomicU64, Ordering};

use contracts::Service;
use uuid::Uuid;

use super::entry::Entry;
use super::place::Place;

/// So many positions are kept; ids that end alike share one.
const SLOTS: usize = 1 << 16;

/// The position of the last event that names a user, a booking or a showtime. It is never too low; it may be too high,
/// because memory is bounded and ids that end alike share one.
pub(crate) struct Changes {
    users: Slots,
    bookings: Slots,
}

struct Slots(Box<[AtomicU64]>);

impl Changes {
    pub(super) fn new() -> Self {
        Self { users: Slots::new(), bookings: Slots::new() }
    }

    /// Everything may have changed up to here.
    pub(super) fn all(&self, place: &Place) {
        self.users.all(place.get(Service::Users));
        self.bookings.all(place.get(Service::Bookings));
    }

    /// An event happened.
    pub(super) fn note(&self, entry: &Entry) {
        let position = entry.position;
        match entry.service {
            Service::Users => self.users.note(entry.entity, position),
            Service::Movies => {}
            Service::Bookings => {
                self.bookings.note(entry.entity, position);
                match entry.showtime {
                    Some(showtime) => self.bookings.note(showtime.0, position),
                    // From a newer service than this gateway knows: it may be any.
                    None => self.bookings.all(position),
                }
            }
        }
    }

    /// The position of the last event that names this user, as far as we know.
    pub(crate) fn user(&self, id: Uuid) -> u64 {
        self.users.last(id)
    }

    /// The same of a booking, or of the bookings of a showtime.
    pub(crate) fn booking(&self, id: Uuid) -> u64 {
        self.bookings.last(id)
    }
}

impl Slots {
    fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    fn slot(&self, id: Uuid) -> Option<&AtomicU64> {
        // The random end of an id.
        let [.., high, low] = id.into_bytes();
        self.0.get(usize::from(u16::from_be_bytes([high, low])))
    }

    fn note(&self, id: Uuid, position: u64) {
        if let Some(slot) = self.slot(id) {
            slot.fetch_max(position, Ordering::AcqRel);
        }
    }

    fn all(&self, position: u64) {
        for slot in &self.0 {
            slot.fetch_max(position, Ordering::AcqRel);
        }
    }

    fn last(&self, id: Uuid) -> u64 {
        self.slot(id).map_or(u64::MAX, |slot| slot.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_position_of_each_is_known_and_never_too_low() {
        let slots = Slots::new();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        slots.all(3);
        slots.note(one, 7);
        slots.note(one, 5);
        assert_eq!((slots.last(one), slots.last(other)), (7, 3));
        // Ends like the first.
        assert_eq!(slots.last(Uuid::from_u128(0x1_0001)), 7);
        slots.all(9);
        assert_eq!((slots.last(one), slots.last(other)), (9, 9));
    }
}
