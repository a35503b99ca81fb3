//! The rules about movies, halls and showtimes, pure: no clock, no randomness, no I/O. What they need to know comes in
//! as arguments, what they decide goes out as events or as a [`contracts::Problem`].
//!
//! A [`Hall`] and all its showtimes are one consistency boundary, so that a hall never shows two things at once.

mod check;
#[cfg(test)]
mod given;
mod hall;
mod movie;
mod schedule;
mod screening;
mod showtimes;
mod state;

pub use check::{check_staff, not_found};
pub use hall::{Hall, capacity};
pub use movie::Movie;
pub use schedule::Schedule;
pub use screening::Screening;
pub use showtimes::{check_unused, references};
pub use state::State;
