//! What users and movies are expected to say of new bookings: what they have said before of this showtime, of these seats of
//! its hall, and of this user. Of a user that nothing is known of, that they may book; of a seat, that it is sold as another
//! of its row.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;

use contracts::Problem;
use contracts::bookings::{BookingCommand, PlaceBooking};
use contracts::ids::{HallId, ShowtimeId, UserId};
use contracts::layout::{Category, RowLabel, Seat};
use contracts::showtimes::{CheckedShowtime, Showtime};
use lru::LruCache;

use crate::facts::{Known, by_showtime};

/// Showtimes that are remembered, halls, and users who may not book.
const SHOWTIMES: NonZeroUsize = NonZeroUsize::new(512).unwrap();
const HALLS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
const USERS: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// What was said. What turns out otherwise is said again, and remembered so.
pub struct Memory {
    showtimes: LruCache<ShowtimeId, Showtime>,
    halls: LruCache<HallId, Hall>,
    /// Who may not book.
    refused: LruCache<UserId, ()>,
}

/// What is known of a hall.
#[derive(Default)]
struct Hall {
    /// What its seats are sold as; `None` for one that is there and not sold.
    seats: HashMap<Seat, Option<Category>>,
    /// What a seat of each row is sold as: of those that are, the one that was asked for last.
    rows: HashMap<RowLabel, Category>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { showtimes: LruCache::new(SHOWTIMES), halls: LruCache::new(HALLS), refused: LruCache::new(USERS) }
    }
}

impl Memory {
    /// What will be known of these commands; `None` unless all are new bookings of showtimes and seats that something is
    /// known of.
    pub(crate) fn expect(&mut self, commands: &[&BookingCommand]) -> Option<Vec<Known>> {
        let placed: Vec<&PlaceBooking> = commands.iter().map(|command| placed(command)).collect::<Option<_>>()?;
        let wanted = by_showtime(placed.iter().map(|command| (command.showtime_id, command.seats.as_slice())));
        let mut checked = HashMap::with_capacity(wanted.len());
        for (id, seats) in wanted {
            checked.insert(id, Arc::new(self.showtime(id, seats)?));
        }
        let known = |command: &&PlaceBooking| {
            let found = checked.get(&command.showtime_id).map(|found| (command.showtime_id, Arc::clone(found)));
            Known::of_new(!self.refused.contains(&command.user_id), found)
        };
        Some(placed.iter().map(known).collect())
    }

    fn showtime(&mut self, id: ShowtimeId, seats: BTreeSet<Seat>) -> Option<CheckedShowtime> {
        let showtime = self.showtimes.get(&id)?.clone();
        let hall = self.halls.get(&showtime.hall.id)?;
        let mut checked = CheckedShowtime { showtime, sold: BTreeMap::new(), blocked: BTreeSet::new() };
        for seat in seats {
            match hall.seats.get(&seat) {
                Some(None) => drop(checked.blocked.insert(seat)),
                known => {
                    let category = known.and_then(Option::as_ref).or_else(|| hall.rows.get(&seat.row))?;
                    checked.sold.insert(seat, category.clone());
                }
            }
        }
        Some(checked)
    }

    /// Remembers what is known of these commands, of each in order, as far as they are new bookings.
    pub(crate) fn remember(&mut self, commands: &[&BookingCommand], known: &[Result<Known, Problem>]) {
        for (command, known) in commands.iter().zip(known) {
            let (Some(command), Ok(known)) = (placed(command), known) else { continue };
            if known.user_may_book {
                self.refused.pop(&command.user_id);
            } else {
                self.refused.put(command.user_id, ());
            }
            match known.showtime(command.showtime_id) {
                Some(checked) => self.remember_showtime(checked, command.seats.as_slice()),
                None => drop(self.showtimes.pop(&command.showtime_id)),
            }
        }
    }

    fn remember_showtime(&mut self, checked: &CheckedShowtime, seats: &[Seat]) {
        let showtime = &checked.showtime;
        if self.showtimes.get(&showtime.id) != Some(showtime) {
            self.showtimes.put(showtime.id, showtime.clone());
        }
        let hall = self.halls.get_or_insert_mut(showtime.hall.id, Hall::default);
        for seat in seats {
            if let Some(category) = checked.sold.get(seat) {
                hall.seats.insert(*seat, Some(category.clone()));
                if hall.rows.get(&seat.row) != Some(category) {
                    hall.rows.insert(seat.row, category.clone());
                }
            } else if checked.blocked.contains(seat) {
                hall.seats.insert(*seat, None);
            } else {
                hall.seats.remove(seat);
                hall.rows.remove(&seat.row);
            }
        }
    }
}

fn placed<'a>(command: &&'a BookingCommand) -> Option<&'a PlaceBooking> {
    match command {
        BookingCommand::Place(command) => Some(command),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    const USER: u128 = 1;

    fn showtime(id: u128, version: u32) -> Showtime {
        let price = json!({ "amount": 1250, "currency": "EUR" });
        let showtime = json!({
            "id": Uuid::from_u128(id), "version": version, "movie": { "id": Uuid::from_u128(7), "title": "Metropolis" },
            "hall": { "id": Uuid::from_u128(8), "name": "1" }, "starts_at": "2026-12-01T20:00:00Z",
            "ends_at": "2026-12-01T22:00:00Z", "format": "2D", "language": "en", "prices": { "standard": price },
            "status": "scheduled",
        });
        serde_json::from_value(showtime).unwrap()
    }

    fn place(user: u128, showtime: u128, seat: &str) -> BookingCommand {
        let place =
            json!({ "user_id": Uuid::from_u128(user), "showtime_id": Uuid::from_u128(showtime), "seats": [seat] });
        BookingCommand::Place(serde_json::from_value(place).unwrap())
    }

    /// What is said of a command whose seat is sold, blocked or not there.
    fn said(may_book: bool, showtime: Showtime, seat: &str, sold: Option<bool>) -> Known {
        let (seat, id): (Seat, _) = (seat.parse().unwrap(), showtime.id);
        let mut checked = CheckedShowtime { showtime, sold: BTreeMap::new(), blocked: BTreeSet::new() };
        match sold {
            Some(true) => drop(checked.sold.insert(seat, serde_json::from_value(json!("standard")).unwrap())),
            Some(false) => drop(checked.blocked.insert(seat)),
            None => {}
        }
        Known::of_new(may_book, Some((id, Arc::new(checked))))
    }

    #[test]
    fn what_was_said_is_expected_again() {
        let mut memory = Memory::default();
        let [first, second] = [place(USER, 2, "A1"), place(USER, 3, "A1")];
        assert_eq!(memory.expect(&[&first]), None);
        let known = said(true, showtime(2, 1), "A1", Some(true));
        memory.remember(&[&first], &[Ok(known.clone())]);
        assert_eq!(memory.expect(&[&first]), Some(vec![known]));
        assert_eq!(memory.expect(&[&second]), None, "of this showtime nothing is known");
        // Of a seat of its hall, it is.
        memory.remember(&[&place(USER, 3, "A2")], &[Ok(said(true, showtime(3, 1), "A2", Some(false)))]);
        assert_eq!(memory.expect(&[&second]), Some(vec![said(true, showtime(3, 1), "A1", Some(true))]));
        let blocked = said(true, showtime(2, 1), "A2", Some(false));
        assert_eq!(memory.expect(&[&place(USER, 2, "A2")]), Some(vec![blocked]));
        assert_eq!(memory.expect(&[&first, &place(USER, 2, "B1")]), None, "of this row nothing is known");
        let like_its_neighbour = said(true, showtime(2, 1), "A3", Some(true));
        assert_eq!(memory.expect(&[&place(USER, 2, "A3")]), Some(vec![like_its_neighbour]));
    }

    #[test]
    fn the_last_word_counts() {
        let mut memory = Memory::default();
        let command = place(USER, 2, "A1");
        let mut say = |known: Known| {
            memory.remember(&[&command], &[Ok(known)]);
            memory.expect(&[&command])
        };
        for known in [
            said(true, showtime(2, 1), "A1", Some(true)),
            said(true, showtime(2, 2), "A1", Some(false)),
            said(false, showtime(2, 2), "A1", Some(true)),
            said(true, showtime(2, 2), "A1", Some(true)),
        ] {
            assert_eq!(say(known.clone()), Some(vec![known]));
        }
        assert_eq!(say(said(true, showtime(2, 2), "A1", None)), None, "a seat that is no more, and perhaps its row");
        assert_eq!(say(Known::of_new(true, None)), None, "a showtime that is no more");
    }
}
