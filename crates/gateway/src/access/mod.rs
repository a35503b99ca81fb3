//! Who is calling: tokens, API keys and passwords. All of it ends here; behind the gateway there are only
//! [`Actor`](contracts::Actor)s.

mod api_key;
mod caller;
mod password;
mod secrets;
pub mod tokens;
mod verified;

pub(crate) use api_key::Secret;
pub use caller::{Caller, bearer};
pub use password::hash;
pub use password::{Password, Passwords};
pub use secrets::{Secrets, SecretsError};
