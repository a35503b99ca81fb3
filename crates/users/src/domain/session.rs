//! One session: somebody who has signed in.
//!
//! A refresh token is a signature over a session's id and its generation, so there is no secret to keep here. Each
//! generation is used once (rotation); one that comes a second time was stolen, from its owner or by whoever used it
//! first, and ends the session (re-use detection, RFC 9700, section 4.14.2).

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::access::{SessionClosed, SessionEnd, SessionRefreshed};
use contracts::ids::{SessionId, UserId};
use contracts::users::UserEvent;
use contracts::{Case, Problem};

/// How long a session that nobody goes on with can still be gone on with.
const LIFETIME: TimeDelta = TimeDelta::days(30);
/// Sessions that a user can have at once; the one that was gone on with the longest ago makes room.
const SESSIONS: usize = 20;

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    user_id: UserId,
    /// The generation of the refresh token that is good now; `None` once the session has ended.
    generation: Option<u32>,
    opened_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
}

/// What becomes of a session that somebody wants to go on with.
#[derive(Clone, Debug, PartialEq)]
pub enum Refresh {
    /// It goes on.
    GoesOn(SessionRefreshed),
    /// It ends, because its token came a second time.
    Ends(SessionClosed),
}

/// What is there.
impl Session {
    /// One that was opened at `at`.
    pub fn new(user_id: UserId, at: DateTime<Utc>) -> Self {
        Self { user_id, generation: Some(1), opened_at: at, used_at: at }
    }

    /// Whose it is.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// The generation of the refresh token that is good now; `None` once it has ended.
    pub fn generation(&self) -> Option<u32> {
        self.generation
    }

    /// When it was opened.
    pub fn opened_at(&self) -> DateTime<Utc> {
        self.opened_at
    }

    /// When it was last gone on with.
    pub fn used_at(&self) -> DateTime<Utc> {
        self.used_at
    }
}

/// What is decided.
impl Session {
    /// Goes on with the session, or ends it.
    ///
    /// # Errors
    /// `Unauthenticated` for one that has ended or was not gone on with for too long, and for a generation that is
    /// still to come, which nobody can have been given.
    pub fn refresh(&self, id: SessionId, generation: u32, now: DateTime<Utc>) -> Result<Refresh, Problem> {
        let ended = || Problem::new(Case::Unauthenticated, "the session has ended");
        let current = self.generation.filter(|_| now < self.used_at + LIFETIME).ok_or_else(ended)?;
        if generation > current {
            return Err(ended());
        }
        Ok(if generation == current {
            Refresh::GoesOn(SessionRefreshed { session_id: id, generation: current + 1 })
        } else {
            Refresh::Ends(self.close(id, SessionEnd::TokenReused))
        })
    }

    /// Ends the session.
    pub fn close(&self, id: SessionId, reason: SessionEnd) -> SessionClosed {
        SessionClosed { session_id: id, user_id: self.user_id, reason }
    }
}

/// Which of a user's sessions end when they open one more: those that nobody goes on with, and the oldest of too many.
pub fn outdated(sessions: &[(SessionId, Session)], now: DateTime<Utc>) -> Vec<SessionClosed> {
    let mut open: Vec<_> = sessions.iter().filter(|(_, session)| session.generation.is_some()).collect();
    open.sort_unstable_by_key(|(id, session)| (Reverse(session.used_at), *id));
    let outdated = open.into_iter().enumerate();
    let outdated = outdated.filter(|(place, (_, session))| place + 1 >= SESSIONS || now >= session.used_at + LIFETIME);
    outdated.map(|(_, (id, session))| session.close(*id, SessionEnd::Expired)).collect()
}

/// What has happened.
impl Session {
    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &UserEvent, at: DateTime<Utc>) {
        match event {
            UserEvent::SessionRefreshed(event) => {
                self.generation = Some(event.generation);
                self.used_at = at;
            }
            UserEvent::SessionClosed(_) => self.generation = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const ID: SessionId = SessionId(Uuid::from_u128(2));

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    fn opened() -> Session {
        Session::new(ADA, at(0))
    }

    /// The session after this generation was used.
    fn refreshed(mut session: Session, generation: u32, now: DateTime<Utc>) -> Session {
        match session.refresh(ID, generation, now).unwrap() {
            Refresh::GoesOn(event) => session.apply(&event.into(), now),
            Refresh::Ends(event) => session.apply(&event.into(), now),
        }
        session
    }

    #[test]
    fn each_generation_is_used_once() {
        let session = refreshed(refreshed(opened(), 1, at(1)), 2, at(2));
        assert_eq!(session.generation(), Some(3));
        let ends = session.refresh(ID, 1, at(3)).unwrap();
        assert_eq!(ends, Refresh::Ends(session.close(ID, SessionEnd::TokenReused)));
        let ended = refreshed(session, 2, at(3));
        assert_eq!(ended.generation(), None);
        for generation in 1..5 {
            assert!(ended.refresh(ID, generation, at(3)).unwrap_err().is(Case::Unauthenticated));
        }
    }

    #[test]
    fn a_generation_that_nobody_was_given_ends_nothing() {
        assert!(opened().refresh(ID, 2, at(1)).unwrap_err().is(Case::Unauthenticated));
        assert_eq!(refreshed(opened(), 1, at(1)).generation(), Some(2));
    }

    #[test]
    fn a_session_lasts_as_long_as_somebody_goes_on_with_it() {
        let session = refreshed(opened(), 1, at(29));
        assert!(session.refresh(ID, 2, at(58)).is_ok());
        assert!(session.refresh(ID, 2, at(59)).unwrap_err().is(Case::Unauthenticated));
    }

    #[test]
    fn a_user_has_a_bounded_number_of_sessions() {
        let sessions: Vec<(SessionId, Session)> = (0..25)
            .map(|day| (SessionId(Uuid::from_u128(day)), Session::new(ADA, at(day.try_into().unwrap()))))
            .collect();
        let ended: Vec<u128> = outdated(&sessions, at(25)).iter().map(|event| event.session_id.0.as_u128()).collect();
        assert_eq!(ended, [5, 4, 3, 2, 1, 0], "19 stay, so that there is room for one more");
        assert_eq!(outdated(&sessions, at(100)).len(), 25);
    }
}
