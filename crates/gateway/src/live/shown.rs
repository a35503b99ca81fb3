//! A seat map as it is shown to all who look at it: the whole map, and each change written once.

use axum::body::Bytes;
use contracts::bookings::{Place as Seat, SeatMap};
use contracts::ids::ShowtimeId;
use contracts::layout;
use serde::Serialize;
use tokio::sync::broadcast::{self, Receiver, Sender};

use super::entry::block;
use super::place::Place;

/// Changes that are kept for those who look.
const CHANGES: usize = 64;
/// The id of the last event of a cancelled showtime. Who comes back with it is told that there is no more.
pub(super) const CANCELLED: &str = "cancelled";

/// What is shown, and who is told of changes.
pub(super) struct Shown {
    /// The map as an event.
    whole: Bytes,
    /// `None` for a cancelled showtime, which never changes again.
    changes: Option<Sender<Bytes>>,
    /// What comes last of a cancelled showtime.
    last: Bytes,
}

/// Seats that are not as they were.
#[derive(Serialize)]
struct SeatsChanged<'a> {
    showtime_id: ShowtimeId,
    free: u32,
    capacity: u32,
    seats: Vec<&'a Seat>,
}

/// The showtime will not take place.
#[derive(Serialize)]
struct ShowtimeCancelled {
    showtime_id: ShowtimeId,
}

impl Shown {
    /// This map, as it is at this place or behind it.
    pub(super) fn new(map: &SeatMap, place: &Place) -> Self {
        let cancelled = ShowtimeCancelled { showtime_id: map.showtime_id };
        Self {
            whole: event(&place.to_string(), "seats", map),
            changes: (!is_cancelled(map)).then(|| broadcast::channel(CHANGES).0),
            last: event(CANCELLED, "showtime-cancelled", &cancelled),
        }
    }

    /// What somebody sees who begins to look, and what they hear from; nothing more of a cancelled showtime.
    pub(super) fn look(&self) -> (Vec<Bytes>, Option<Receiver<Bytes>>) {
        match &self.changes {
            Some(changes) => (vec![self.whole.clone()], Some(changes.subscribe())),
            None => (vec![self.whole.clone(), self.last.clone()], None),
        }
    }

    /// Shows another map, and tells those who look what has changed.
    pub(super) fn change(&mut self, before: &SeatMap, after: &SeatMap, place: &Place) {
        if before == after {
            return;
        }
        self.whole = event(&place.to_string(), "seats", after);
        let changed = match seats_changed(before, after) {
            Some(seats) => {
                let SeatMap { showtime_id, free, capacity, .. } = *after;
                event(&place.to_string(), "seats-changed", &SeatsChanged { showtime_id, free, capacity, seats })
            }
            None => self.whole.clone(),
        };
        let tell = |block| self.changes.as_ref().map(|changes| changes.send(block));
        tell(changed);
        if is_cancelled(after) {
            tell(self.last.clone());
            self.changes = None;
        }
    }
}

/// Of a cancelled showtime no seat is sold, and of any other at least one: while it is to come or under way, its hall stays as
/// it is.
pub(super) fn is_cancelled(map: &SeatMap) -> bool {
    map.capacity == 0
}

fn event(id: &str, event_type: &str, data: &impl Serialize) -> Bytes {
    // All of these can be written as JSON.
    let json = serde_json::to_string(data).unwrap_or_default();
    Bytes::from([format!("id: {id}\n").as_bytes(), &block(event_type, &json)].concat())
}

/// The seats that differ; `None` when the hall has been rebuilt.
fn seats_changed<'a>(before: &SeatMap, after: &'a SeatMap) -> Option<Vec<&'a Seat>> {
    let mut changed = Vec::new();
    if before.rows.len() != after.rows.len() {
        return None;
    }
    for (before, after) in before.rows.iter().zip(&after.rows) {
        if before.label != after.label || before.places.len() != after.places.len() {
            return None;
        }
        for (before, after) in before.places.iter().zip(&after.places) {
            if name(before) != name(after) {
                return None;
            }
            if before != after {
                changed.push(after);
            }
        }
    }
    Some(changed)
}

fn name(place: &Seat) -> Option<&layout::Seat> {
    match place {
        Seat::Free { seat, .. } | Seat::Taken { seat, .. } | Seat::Blocked { seat } => Some(seat),
        Seat::Gap => None,
    }
}
