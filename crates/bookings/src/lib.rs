//! The bookings service: who sits where.
//!
//! A booking is made so: [`facts`] asks the users and movies services about all commands that are waiting, one request
//! each, unless what they have [`told`] holds; [`commands`] hands each command with what is known to the rules in
//! [`domain`], which answer with events or a refusal; the runtime commits all of it at once. [`projections`] and
//! [`programme`] turn events into read tables, [`queries`] read them, and [`reactions`] cancel the bookings of cancelled
//! showtimes and of erased users.

pub mod claims;
pub mod commands;
pub mod domain;
pub mod facts;
pub mod programme;
pub mod projections;
pub mod queries;
pub mod reactions;
pub mod rows;
pub mod schema;
pub mod seat_map;
pub mod standing;
pub mod told;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use runtime::service::Service;

use commands::Bookings;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/bookings");

/// The service, ready to run.
pub fn service() -> Service<Bookings> {
    Service::new("Who sits where: bookings and seat maps", MIGRATIONS)
        .query(queries::booking)
        .query(queries::bookings)
        .query(queries::seats)
        .project::<projections::BookingTables>()
        .project::<programme::Programme>()
        .react::<reactions::CancelledShowtimes>()
        .react::<reactions::ErasedUsers>()
}
