//! What there is one of, as the database's primary key has it.

use contracts::text::Email;
use runtime::domain::Claim;

/// The kind of [`email`].
pub const EMAIL: &str = "email";

/// An e-mail address without regard to case; held by its user, who has one.
pub fn email(email: &Email) -> Claim {
    Claim::new(EMAIL, email.key())
}
