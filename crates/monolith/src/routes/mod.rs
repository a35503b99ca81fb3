//! What is answered under each path.

pub(crate) mod bookings;
pub(crate) mod halls;
pub(crate) mod movies;
pub(crate) mod programme;
pub(crate) mod showtimes;
pub(crate) mod users;

use axum::http::HeaderMap;
use gateway::done::Done;

use crate::store;

/// What was done, to be answered with.
fn done<A>(answer: A) -> Done<A> {
    Done { answer, decided_at: store::now(), headers: HeaderMap::new() }
}
