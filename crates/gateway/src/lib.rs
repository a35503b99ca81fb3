//! The gateway: REST, the OpenAPI document and Swagger UI in front of the services.
//!
//! A request is read ([`input`], [`headers`]) and its caller made out ([`access`]); it becomes a question
//! ([`gateway::Asking`]) or a command ([`ordering::Ordering`]), and is answered with a [`representation`], a [`listing`],
//! an [`export`], or something [`instead`]. Each handler in [`routes`] says what it takes and gives in the attribute
//! above it; the [`document`] is made of those. What happens is told as it does by what is [`live`]. What is the
//! network's rather than a request's, such as connections, TLS and limits, is at the [`edge`]. The gateway owns
//! nothing: what it remembers only spares its callers a header ([`seen`]) and the services a question ([`recall`]).
//!
//! What a REST surface needs whatever is behind it is public: the monolith, which Marquee is compared with, has the same.

pub mod access;
pub mod created;
pub mod done;
pub mod edge;
pub mod examples;
pub mod gateway;
pub mod headers;
pub mod input;
pub mod instead;
pub mod listing;
pub mod representation;
pub mod shown;

mod app;
mod audited;
mod document;
mod export;
mod limited;
mod live;
mod measured;
mod names;
mod ordering;
mod recall;
mod routes;
mod seen;
mod server;
mod swagger;

/// What requests bring.
pub mod bodies {
    pub use crate::routes::bookings::{NewBooking, NewSeats};
    pub use crate::routes::movies::ItsShowtimes;
    pub use crate::routes::users::{NewUser, TheirBookings};
}

pub use app::{App, with_manners};
pub use created::{command_id, created_id};
pub use edge::{EdgeArgs, LimitArgs};
pub use gateway::Gateway;
pub use live::LiveArgs;
pub use server::{Args, run};

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use routes::{
    api_keys, audit, bookings, dead_letters, events, exports, halls, movies, operations, sessions, showtimes, users,
};

/// Every path, with its methods. The document has the tutorial's paths besides, which lead here too.
fn table() -> OpenApiRouter<Gateway> {
    OpenApiRouter::with_openapi(document::start())
        .routes(routes!(movies::list, movies::create))
        .routes(routes!(movies::get, movies::update, movies::delete))
        .routes(routes!(movies::showtimes))
        .routes(routes!(halls::list, halls::create))
        .routes(routes!(halls::get, halls::update, halls::delete))
        .routes(routes!(showtimes::list, showtimes::create))
        .routes(routes!(showtimes::get, showtimes::update, showtimes::delete))
        .routes(routes!(showtimes::seats))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::update, users::delete))
        .routes(routes!(users::bookings))
        .routes(routes!(users::change_password))
        .routes(routes!(users::set_roles))
        .routes(routes!(exports::export))
        .routes(routes!(sessions::create))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::delete))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::delete))
        .routes(routes!(bookings::list, bookings::create))
        .routes(routes!(bookings::get, bookings::update, bookings::delete))
        .routes(routes!(bookings::check_in))
        .routes(routes!(audit::history))
        .routes(routes!(audit::list))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::get, dead_letters::drop))
        .routes(routes!(dead_letters::retry))
        .routes(routes!(operations::get))
        .routes(routes!(events::follow))
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = table().into_openapi();
    document::complete(&mut document);
    document
}
