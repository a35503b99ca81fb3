//! The rules of booking, pure: no clock, no randomness, no I/O. What they need to know comes in as arguments, what
//! they decide goes out as events or as a [`contracts::Problem`].

pub mod access;
mod booked;
mod facts;
mod sale;
mod seating;
mod sorted;

pub use booked::Booked;
pub use facts::{Facts, check_erased};
pub use seating::{Seating, already_exists, not_found};
