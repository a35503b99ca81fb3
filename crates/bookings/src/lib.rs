//! The bookings service: who sits where.
//!
//! [`domain`] has the rules: pure functions from state, command and facts to events or a refusal.

pub mod domain;
