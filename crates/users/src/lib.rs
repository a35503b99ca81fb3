//! The users service: who can book, who may do what, and what proves who somebody is.
//!
//! [`commands`] hands each command to the rules in [`domain`], which answer with events or a refusal. What users say
//! of themselves and what proves who they are is in no event: it is kept in the tables of [`private`], written in the
//! same transaction.
//! [`projections`] turn the events into the read table, [`queries`] read both, and
//! [`check`] tells other services from committed state who may book, [`proofs`] tells the gateway how to recognise
//! somebody, [`account`] what is stored of that. What is erased here, [`remains`] has erased from the dead letters, too.

pub mod account;
pub mod check;
pub mod claims;
pub mod commands;
pub mod domain;
pub mod private;
pub mod projections;
pub mod proofs;
pub mod queries;
mod remains;
mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use runtime::service::Service;

use commands::Users;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/users");

/// The service, ready to run.
pub fn service() -> Service<Users> {
    Service::new("Who can book, and who may do what", MIGRATIONS)
        .query(queries::user)
        .query(queries::users)
        .query(queries::names)
        .query(proofs::api_keys)
        .rpc(check::users)
        .rpc(account::account)
        .rpc(proofs::credentials)
        .rpc(proofs::api_key)
        .project::<projections::UserTable>()
        .erase()
}
