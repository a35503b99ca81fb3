//! The movies service: movies, halls and showtimes.
//!
//! [`domain`] has the rules: pure functions from state and command to events or a refusal.

pub mod domain;
