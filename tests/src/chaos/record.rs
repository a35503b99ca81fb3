//! The record of a run while it goes on.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::history::{Call, Ending, Harm, History};

/// What has happened since a run began.
#[derive(Debug)]
pub struct Record {
    begun: Instant,
    history: Mutex<History>,
}

impl Record {
    /// Begins now.
    #[allow(clippy::new_without_default, reason = "it notes the time")]
    pub fn new() -> Self {
        Self { begun: Instant::now(), history: Mutex::default() }
    }

    /// When the run began.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Milliseconds since the run began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes what a client was told just now.
    pub fn call(&self, call: Call) {
        self.lock().calls.push(call);
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.lock().calls.len()
    }

    /// Notes harm that is over.
    pub fn harm(&self, harm: Harm) {
        self.lock().harms.push(harm);
    }

    /// All of it, with what was found in the end.
    pub fn finish(&self, ending: Ending) -> History {
        let mut history = self.lock().clone();
        history.harms.sort_by_key(|harm| harm.began);
        history.ending = ending;
        history
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
