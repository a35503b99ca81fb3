//! Which state of a service an answer was made from, and for how long that is its state.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a service that an answer was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AsOf {
    /// The last position of its journal.
    pub position: u64,
    /// How often anything had changed that decisions rest on.
    pub changes: u64,
    /// For so many milliseconds from when it was asked, nobody changes anything.
    pub holds_ms: u64,
}

impl AsOf {
    /// Whether the other answer was made from the same state: then whatever was said of it still is so.
    pub fn same_state(&self, other: &Self) -> bool {
        (self.position, self.changes) == (other.position, other.changes)
    }

    /// How long it holds, from when it was asked.
    pub fn holds(&self) -> Duration {
        Duration::from_millis(self.holds_ms)
    }
}
