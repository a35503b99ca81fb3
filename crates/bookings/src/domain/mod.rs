//! The rules of booking, pure: no clock, no randomness, no I/O. What they need to know comes in as arguments, what
//! they decide goes out as events or as a [`contracts::Problem`].

mod booked;
mod facts;
mod seating;

pub use booked::{Booked, total};
pub use facts::Facts;
pub use seating::Seating;
