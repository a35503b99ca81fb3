//! What each caller has been shown to have happened, so that whatever they read next is not older.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contracts::Actor;
use contracts::ids::{ApiKeyId, UserId};
use lru::LruCache;

use crate::live::Place;

/// Callers that are remembered; after that, whoever has not been heard of for longest is forgotten. Such a caller may
/// read something older than their last write, unless they send `Marquee-Min-Position`.
const CALLERS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Who reads: an account, or while nobody has signed in, an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reader {
    Address(IpAddr),
    User(UserId),
    Key(ApiKeyId),
    /// Whoever owns the machine.
    Machine,
}

impl Reader {
    /// Whoever this is, at this address.
    pub(crate) fn of(actor: &Actor, address: IpAddr) -> Self {
        match actor {
            Actor::Anonymous => Self::Address(address),
            Actor::User(id, _) => Self::User(*id),
            Actor::Key(id, _) => Self::Key(*id),
            // The operator and reactions don't come by REST.
            Actor::Machine(_) | Actor::Operator | Actor::Reaction(_) => Self::Machine,
        }
    }
}

/// The highest positions that each reader has been handed out.
pub(crate) struct Seen(Mutex<LruCache<Reader, Place>>);

impl Seen {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(CALLERS)))
    }

    /// Notes that this reader was told of this place.
    pub(crate) fn remember(&self, reader: Reader, place: &Place) {
        let mut seen = self.lock();
        let known = seen.get_or_insert_mut(reader, Place::default);
        *known = known.max(place);
    }

    /// The least place that an answer to this reader may come from.
    pub(crate) fn least(&self, reader: &Reader) -> Place {
        self.lock().get(reader).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Reader, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_highest_position_of_each_reader_is_remembered() {
        let seen = Seen::new();
        let (one, other) = (Reader::User(UserId(Uuid::nil())), Reader::Address(IpAddr::from([0, 0, 0, 0])));
        for place in ["u0.m0.b7", "u0.m0.b5", "u2.m0.b0"] {
            seen.remember(one, &place.parse().unwrap());
        }
        assert_eq!(seen.least(&one).to_string(), "u2.m0.b7");
        assert_eq!(seen.least(&other), Place::default());
    }
}
