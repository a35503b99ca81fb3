//! What an audit finds: what differs, where, and what would mend it.

use serde::Serialize;

/// How many findings of one check are told; where everything differs, the first ones tell as much.
const MOST: usize = 20;

/// Something that isn't as it must be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was checked: journal, outcomes, stream, projections, seats, reactions or stuck.
    pub check: &'static str,
    /// Where, such as `bookings, position 12`.
    pub place: String,
    /// What differs.
    pub what: String,
    /// What would mend it.
    pub mend: String,
}

/// The findings of one check.
#[derive(Debug)]
pub(super) struct Findings {
    check: &'static str,
    pub(super) told: Vec<Finding>,
    /// How many more there are.
    pub(super) more: u64,
}

impl Findings {
    pub(super) fn of(check: &'static str) -> Self {
        Self { check, told: Vec::new(), more: 0 }
    }

    pub(super) fn add(&mut self, place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) {
        if self.told.len() == MOST {
            self.more += 1;
            return;
        }
        let (place, what, mend) = (place.into(), what.into(), mend.into());
        self.told.push(Finding { check: self.check, place, what, mend });
    }
}

/// Positions as people read them.
pub(super) fn range(first: u64, last: u64) -> String {
    if first == last { format!("position {first}") } else { format!("positions {first} to {last}") }
}
