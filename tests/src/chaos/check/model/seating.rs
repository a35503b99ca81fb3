//! Who sits where in one showtime, at every moment.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// One showtime's seats.
#[derive(Default)]
pub(in super::super) struct Seating {
    owners: BTreeMap<String, Uuid>,
    /// How many seats each user has.
    held: BTreeMap<String, usize>,
    /// What each event of it took and gave back, with its position.
    changes: Vec<Change>,
}

struct Change {
    position: u64,
    given_back: Vec<String>,
    taken: Vec<String>,
}

impl Seating {
    /// Counts a user's seats anew; how many they have then.
    pub(super) fn count(&mut self, user: String, given_back: &[String], taken: &[String]) -> usize {
        let held = self.held.entry(user).or_default();
        *held = held.saturating_sub(given_back.len()) + taken.len();
        *held
    }

    /// Moves a booking from some seats to others. The seats that somebody else has, with that booking.
    pub(super) fn change(
        &mut self,
        position: u64,
        booking: Uuid,
        given_back: Vec<String>,
        taken: Vec<String>,
    ) -> Vec<(String, Uuid)> {
        for seat in &given_back {
            if self.owners.get(seat) == Some(&booking) {
                self.owners.remove(seat);
            }
        }
        let mut clashes = Vec::new();
        for seat in &taken {
            if let Some(other) = self.owners.insert(seat.clone(), booking).filter(|other| *other != booking) {
                clashes.push((seat.clone(), other));
            }
        }
        self.changes.push(Change { position, given_back, taken });
        clashes
    }

    /// The seats that are taken in the end.
    pub(in super::super) fn taken(&self) -> BTreeSet<String> {
        self.owners.keys().cloned().collect()
    }

    /// Were exactly these seats taken at some moment, at this position or after it?
    pub(in super::super) fn were_taken(&self, wanted: &BTreeSet<String>, from: u64) -> bool {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let mut wrong = wanted.len();
        let is_wanted = |seat: &str| wanted.contains(seat);
        for change in &self.changes {
            if wrong == 0 && change.position > from {
                return true;
            }
            for seat in &change.given_back {
                if taken.remove(seat.as_str()) {
                    wrong = if is_wanted(seat) { wrong + 1 } else { wrong - 1 };
                }
            }
            for seat in &change.taken {
                if taken.insert(seat) {
                    wrong = if is_wanted(seat) { wrong - 1 } else { wrong + 1 };
                }
            }
        }
        wrong == 0
    }
}
