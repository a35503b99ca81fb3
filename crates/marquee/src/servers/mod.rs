//! Private servers in a data folder: a nats-server and a MariaDB or MySQL of our own, on free ports of 127.0.0.1.
//!
//! Both are found on PATH, where `script/bootstrap` looks and installs. They can be started again on the same port and
//! with the same data as often as one likes.

mod database;
mod existing;
mod nats;
mod nats_users;
pub(crate) mod program;
mod running;

use std::time::Duration;

use contracts::Service;

pub use database::Database;
pub use existing::Existing;
pub use nats::Nats;
pub use nats_users::{NatsUrls, NatsUser, SUBSCRIBERS_API, cli_folder};
pub(crate) use running::{running_databases, running_nats};

/// The name of the private nats-server's process.
pub const NATS: &str = "nats-server";
/// The name of the private database server's process.
pub const DATABASE: &str = "database";

/// How long a server may take until it answers; after a power cut it has to recover first.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The name of a service's database.
fn database_name(service: Service) -> String {
    format!("marquee_{service}")
}
