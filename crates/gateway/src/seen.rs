//! What each caller has been shown to have happened, so that whatever they read next is not older.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contracts::Positions;
use lru::LruCache;

/// Callers that are remembered; after that, whoever has not been heard of for longest is forgotten. Such a caller may
/// read something older than their last write, unless they send `Marquee-Min-Position`.
const CALLERS: NonZeroUsize = match NonZeroUsize::new(10_000) {
    Some(callers) => callers,
    None => NonZeroUsize::MIN,
};

/// The highest positions that each caller has been handed out, by account, or by address as long as they have not signed in.
pub(crate) struct Seen(Mutex<LruCache<String, Positions>>);

impl Seen {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(CALLERS)))
    }

    /// Notes that this caller was told of these positions.
    pub(crate) fn remember(&self, caller: String, positions: &Positions) {
        self.lock().get_or_insert_mut(caller, Positions::default).merge(positions);
    }

    /// The least positions that an answer to this caller may come from.
    pub(crate) fn least(&self, caller: &str) -> Positions {
        self.lock().get(caller).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<String, Positions>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use contracts::Service;

    use super::*;

    #[test]
    fn the_highest_position_of_each_caller_is_remembered() {
        let seen = Seen::new();
        for (service, position) in [(Service::Bookings, 7), (Service::Bookings, 5), (Service::Users, 2)] {
            seen.remember("one".into(), &Positions::of(service, position));
        }
        assert_eq!(seen.least("one").to_string(), "users=2,bookings=7");
        assert!(seen.least("other").is_empty());
    }
}
