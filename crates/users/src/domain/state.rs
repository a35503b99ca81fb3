//! One stream's state: a user, a session or an API key.

use chrono::{DateTime, Utc};
use contracts::users::UserEvent;

use super::{ApiKey, Session, User};

/// What a stream is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum State {
    /// Nothing yet.
    #[default]
    Unused,
    /// A user, erased or not.
    User(User),
    /// A session, ended or not.
    Session(Session),
    /// An API key, revoked or not.
    Key(ApiKey),
}

/// What is there.
impl State {
    /// The user, unless there never was one or they were erased.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) if !user.is_deleted() => Some(user),
            _ => None,
        }
    }

    /// The session, unless there never was one.
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The API key, unless there never was one or it was revoked.
    pub fn key(&self) -> Option<&ApiKey> {
        match self {
            Self::Key(key) if !key.is_revoked() => Some(key),
            _ => None,
        }
    }
}

/// What has happened.
impl State {
    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &UserEvent, at: DateTime<Utc>) {
        match (event, &mut *self) {
            (UserEvent::Registered(_), _) => *self = Self::User(User::registered(at)),
            (UserEvent::SessionOpened(event), _) => *self = Self::Session(Session::new(event.user_id, at)),
            (UserEvent::ApiKeyAdded(event), _) => *self = Self::Key(ApiKey::new(event.roles.clone())),
            (_, Self::User(user)) => user.apply(event, at),
            (_, Self::Session(session)) => session.apply(event, at),
            (_, Self::Key(key)) => key.apply(event),
            (_, Self::Unused) => {}
        }
    }
}
