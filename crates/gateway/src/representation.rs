//! How one thing is shown: as JSON, with an entity tag.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::bookings::Booking;
use contracts::halls::Hall;
use contracts::movies::Movie;
use contracts::showtimes::Showtime;
use contracts::users::User;
use contracts::{Case, Problem};
use serde::Serialize;

use crate::headers::{etag, is_known, value};
use crate::instead::Instead;

/// What has an address of its own and a version.
pub trait Representation: Serialize {
    /// Grows with every change.
    fn version(&self) -> u32;
}

macro_rules! representations {
    ($($thing:ty),*) => {$(
        impl Representation for $thing {
            fn version(&self) -> u32 {
                self.version
            }
        }
    )*};
}

representations!(User, Movie, Hall, Showtime, Booking);

/// A response that shows this thing.
pub fn representation(status: StatusCode, thing: &impl Representation) -> Response {
    match serde_json::to_vec(thing) {
        Ok(body) => {
            let etag = value(etag(thing.version(), &body));
            (status, [(header::ETAG, etag), (header::CONTENT_TYPE, value("application/json"))], body).into_response()
        }
        Err(error) => {
            Instead::from(Problem::new(Case::Internal, format!("cannot be written: {error}"))).into_response()
        }
    }
}

/// A response that shows this thing, or 304 when these headers say that the caller has it already.
pub fn unless_known(headers: &HeaderMap, thing: &impl Representation) -> Response {
    let response = representation(StatusCode::OK, thing);
    let etag = response.headers().get(header::ETAG);
    match etag.filter(|etag| etag.to_str().is_ok_and(|etag| is_known(headers, etag))) {
        Some(etag) => (StatusCode::NOT_MODIFIED, [(header::ETAG, etag.clone())]).into_response(),
        None => response,
    }
}
