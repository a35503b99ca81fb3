//! The rules about users, sessions and API keys, pure: no clock, no randomness, no I/O. What they need to know comes in
//! as arguments, what they decide goes out as events or as a [`contracts::Problem`].

mod access;
mod api_key;
mod session;
mod state;
mod user;

pub use access::{check_admin, may_manage};
pub use api_key::ApiKey;
pub use session::{Refresh, Session, outdated};
pub use state::State;
pub use user::{FIRST_PASSWORD, User, not_found, register};
