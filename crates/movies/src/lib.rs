//! The movies service: movies, halls and showtimes.
//!
//! [`commands`] hands each command to the rules in [`domain`], which answer with events or a refusal, and names the
//! [`claims`] that back them. [`projections`] turn the events into read tables, [`queries`] read them, and [`check`]
//! tells other services from committed state what they need to know of a showtime.

pub mod check;
pub mod claims;
pub mod commands;
pub mod domain;
pub mod projections;
pub mod queries;
pub mod rows;
pub mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use runtime::service::Service;

use commands::Movies;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/movies");

/// The service, ready to run.
pub fn service() -> Service<Movies> {
    Service::new("What is shown where and when", MIGRATIONS)
        .query(queries::movie)
        .query(queries::movies)
        .query(queries::hall)
        .query(queries::halls)
        .query(queries::showtime)
        .query(queries::showtimes)
        .rpc(check::showtimes)
        .project::<projections::Programme>()
}
