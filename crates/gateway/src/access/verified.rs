//! Access tokens that were found good: a caller sends the same one with every request, for minutes. Verified each time,
//! they took 14 of 38 µs that a read cost. Only good ones are kept, so strangers can't push them out.

use chrono::{DateTime, Utc};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::Caller;
use super::tokens::LEEWAY;

/// How much is kept, in bytes, about.
const BYTES: u64 = 4 << 20;
/// How many tokens that is, about.
const TOKENS: usize = 10_000;

/// Who came with which token.
pub(super) struct Verified(Cache<Box<str>, Caller, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Caller> for Weight {
    fn weight(&self, token: &Box<str>, _: &Caller) -> u64 {
        (token.len() + size_of::<Caller>()) as u64
    }
}

impl Verified {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(TOKENS, BYTES, Weight))
    }

    /// Who comes with this token, if it was found good and still is.
    pub(super) fn get(&self, token: &str, now: DateTime<Utc>) -> Option<Caller> {
        let caller = self.0.get(token)?;
        let is_good = caller.good_until.is_some_and(|until| now.timestamp() <= until.timestamp() + LEEWAY);
        if is_good {
            return Some(caller);
        }
        self.0.remove(token);
        None
    }

    /// This token was found good.
    pub(super) fn keep(&self, token: &str, caller: Caller) {
        self.0.insert(token.into(), caller);
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contracts::{Actor, Role, Roles};

    use super::*;

    #[test]
    fn a_token_is_known_as_long_as_it_is_good() {
        let (verified, now) = (Verified::new(), Utc::now());
        let actor = Actor::Machine(Roles::only(Role::Staff));
        let caller = Caller { actor, session_id: None, good_until: Some(now) };
        verified.keep("one", caller.clone());
        let leeway = TimeDelta::seconds(LEEWAY);
        assert!(verified.get("other", now).is_none());
        assert_eq!(verified.get("one", now + leeway).unwrap().actor, caller.actor);
        assert!(verified.get("one", now + leeway + TimeDelta::seconds(1)).is_none());
        assert!(verified.get("one", now).is_none(), "it is forgotten");
    }

    #[test]
    fn only_so_many_are_kept() {
        let verified = Verified::new();
        let caller = Caller { actor: Actor::Anonymous, session_id: None, good_until: None };
        for number in 0..3 * TOKENS {
            verified.keep(&format!("{number:0300}"), caller.clone());
        }
        assert!(verified.0.weight() <= BYTES);
    }
}
