//! What there is one of, as the database's primary key has it.

use contracts::ids::{SessionId, UserId};
use contracts::text::Email;
use runtime::domain::Claim;

/// The kind of [`email`].
pub const EMAIL: &str = "email";

/// An e-mail address without regard to case; held by its user, who has one.
pub fn email(email: &Email) -> Claim {
    Claim::new(EMAIL, email.key())
}

/// The kind of [`user_session`].
pub const USER_SESSION: &str = "user-session";

/// An open session; held by its user's stream, so that whoever names the session finds the user.
pub fn session(id: SessionId) -> Claim {
    Claim::new("session", id.to_string())
}

/// That a user has an open session; held by the session's stream, so that whoever names the user finds all of them.
pub fn user_session(user: UserId, session: SessionId) -> Claim {
    Claim::new(USER_SESSION, format!("{}{session}", sessions_of(user)))
}

/// How the values of all of a user's [`user_session`] claims start.
pub fn sessions_of(user: UserId) -> String {
    format!("{user}/")
}
