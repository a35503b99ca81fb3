//! The users service: who can book.
//!
//! [`domain`] has the rules: pure functions from state, command and facts to events or a refusal.

pub mod domain;
