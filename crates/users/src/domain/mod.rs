//! The rules about users, pure: no clock, no randomness, no I/O. What they need to know comes in as arguments, what
//! they decide goes out as events or as a [`contracts::Problem`].

mod user;

pub use user::User;
