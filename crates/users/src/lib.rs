//! The users service: who can book.
//!
//! [`commands`] hands each command to the rules in [`domain`], which answer with events or a refusal. What users say
//! of themselves is in no event: it is kept in the private table of [`profiles`], written in the same transaction.
//! [`projections`] turn the events into the read table, [`queries`] read both, and
//! [`check`] tells other services from committed state who may book.

pub mod check;
pub mod claims;
pub mod commands;
pub mod domain;
pub mod profiles;
pub mod projections;
pub mod queries;
mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use runtime::service::Service;

use commands::Users;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/users");

/// The service, ready to run.
pub fn service() -> Service<Users> {
    Service::new("Who can book", MIGRATIONS)
        .query(queries::user)
        .query(queries::users)
        .query(queries::names)
        .rpc(check::users)
        .project::<projections::UserTable>()
}
