//! The same cinema as one program on one database: what Marquee is compared with.
//!
//! It has the REST surface that `marquee bench` and a cinema's daily work need (users, movies, halls, showtimes, seat
//! maps, bookings) with the gateway's paths, bodies, status codes and manners, and decides with the services' own rules
//! (`domain/`), linked in. But there are no events: each request is one transaction over tables of state, which locks the
//! rows that it decides about. A booking locks its showtime's row; so bookings of one showtime are decided one after
//! the other, and those of different showtimes side by side.
//!
//! What it does without, all in its favour: no journal or history, no `Idempotency-Key`, no sessions and API keys (tokens
//! are verified as the gateway does), no streams of events, no limits. `docs/monolith-or-services.md` has what was tried to
//! make it faster.
//!
//! [`request`] is what a request brings, [`routes`] answer it; [`store`] has transactions, [`words`] statements that are
//! prepared once, [`seats`] those of a booking, [`found`] how bookings are read.

mod found;
mod layouts;
mod request;
mod routes;
mod schema;
mod seats;
mod server;
mod store;
mod words;

pub use server::{Args, run};

use axum::Router;
use axum::routing::{get, post};

use request::Monolith;
use routes::{bookings, halls, movies, showtimes, users};

/// Every path, with its methods.
fn table() -> Router<Monolith> {
    Router::new()
        .route("/api/movies", get(movies::list).post(movies::create))
        .route("/api/movies/{id}", get(movies::get).put(movies::update).delete(movies::delete))
        .route("/api/movies/{id}/showtimes", get(movies::showtimes))
        .route("/api/halls", get(halls::list).post(halls::create))
        .route("/api/halls/{id}", get(halls::get).put(halls::update).delete(halls::delete))
        .route("/api/showtimes", get(showtimes::list).post(showtimes::create))
        .route("/api/showtimes/{id}", get(showtimes::get).put(showtimes::update).delete(showtimes::delete))
        .route("/api/showtimes/{id}/seats", get(showtimes::seats))
        .route("/api/users", get(users::list).post(users::create))
        .route("/api/users/{id}", get(users::get).put(users::update).delete(users::delete))
        .route("/api/users/{id}/bookings", get(bookings::of_user))
        .route("/api/bookings", get(bookings::list).post(bookings::create))
        .route("/api/bookings/{id}", get(bookings::get).put(bookings::update).delete(bookings::delete))
        .route("/api/bookings/{id}/check-in", post(bookings::check_in))
        .route("/readyz", get(server::ready))
}
