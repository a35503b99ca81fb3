//! What each caller has been shown to have happened, so that whatever they read next is not older.

use std::net::IpAddr;
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

/// The highest positions that each caller has been handed out, by client address until callers sign in.
pub(crate) struct Seen(Mutex<LruCache<IpAddr, Positions>>);

impl Seen {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(CALLERS)))
    }

    /// Notes that this caller was told of these positions.
    pub(crate) fn remember(&self, caller: IpAddr, positions: &Positions) {
        self.lock().get_or_insert_mut(caller, Positions::default).merge(positions);
    }

    /// The least positions that an answer to this caller may come from.
    pub(crate) fn least(&self, caller: IpAddr) -> Positions {
        self.lock().get(&caller).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<IpAddr, Positions>> {
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
        let [one, other]: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        seen.remember(one, &Positions::of(Service::Bookings, 7));
        seen.remember(one, &Positions::of(Service::Bookings, 5));
        seen.remember(one, &Positions::of(Service::Users, 2));
        assert_eq!(seen.least(one).to_string(), "users=2,bookings=7");
        assert!(seen.least(other).is_empty());
    }
}
