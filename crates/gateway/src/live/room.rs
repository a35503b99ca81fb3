//! How many may listen at once: altogether, and of one caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header;
use contracts::{Actor, Case, Problem};

use crate::edge::network;
use crate::gateway::Asking;
use crate::headers::value;
use crate::instead::Instead;

/// Seconds until it is worth trying again.
const LATER: &str = "5";

/// Who listens.
pub(crate) struct Room {
    most: usize,
    most_per_caller: usize,
    callers: Mutex<HashMap<String, usize>>,
}

/// One listener's place; free again when dropped.
pub(crate) struct Listening {
    room: Arc<Room>,
    caller: String,
}

impl Room {
    /// Room for so many, and so many of each caller.
    pub(crate) fn new(most: u32, most_per_caller: u32) -> Arc<Self> {
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        Arc::new(Self { most: count(most), most_per_caller: count(most_per_caller), callers: Mutex::default() })
    }

    /// Lets one more in: counted for the account, or for the address of whoever has not signed in.
    ///
    /// # Errors
    /// 429 when this caller has enough, 503 when there are too many; both with when to come back.
    pub(crate) fn enter(self: &Arc<Self>, asking: &Asking) -> Result<Listening, Instead> {
        let caller = match &asking.caller.actor {
            Actor::Anonymous => network(asking.address).to_string(),
            actor => actor.account(),
        };
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = callers.get(&caller).copied().unwrap_or_default();
        let full = match () {
            () if theirs >= self.most_per_caller => {
                let detail = format!("{theirs} streams are open for you, and more may not be");
                Some(Problem::new(Case::TooManyRequests, detail))
            }
            () if callers.values().sum::<usize>() >= self.most => {
                Some(Problem::new(Case::Unavailable, "as many streams are open as may be"))
            }
            () => None,
        };
        if let Some(problem) = full {
            return Err(Instead::from(problem).with([(header::RETRY_AFTER, value(LATER))]));
        }
        callers.insert(caller.clone(), theirs + 1);
        Ok(Listening { room: Arc::clone(self), caller })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut callers = self.room.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = callers.get_mut(&self.caller) {
            *theirs -= 1;
            if *theirs == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}
