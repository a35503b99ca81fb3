//! How one thing is shown: as JSON, with an entity tag.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
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

/// What is sent of something that can be read: written once, sent as often as somebody wants it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    body: Bytes,
    /// One thing's entity tag.
    etag: Option<HeaderValue>,
    /// A page's link to the next one.
    link: Option<HeaderValue>,
}

impl Shown {
    /// Anything, without a tag.
    ///
    /// # Errors
    /// [`Case::Internal`] for what can't be written as JSON.
    pub(crate) fn new(shown: &impl Serialize) -> Result<Self, Problem> {
        let written = serde_json::to_vec(shown);
        let body = written.map_err(|error| Problem::new(Case::Internal, format!("cannot be written: {error}")))?;
        Ok(Self { body: body.into(), etag: None, link: None })
    }

    /// One thing, with its tag.
    ///
    /// # Errors
    /// [`Case::Internal`] for what can't be written as JSON.
    pub(crate) fn one(thing: &impl Representation) -> Result<Self, Problem> {
        let mut shown = Self::new(thing)?;
        shown.etag = Some(value(etag(thing.version(), &shown.body)));
        Ok(shown)
    }

    /// The same, to be kept: in no more memory than it needs. What is written grows by doubling.
    pub(crate) fn compact(&self) -> Self {
        Self { body: Bytes::copy_from_slice(&self.body), ..self.clone() }
    }

    /// The same with a link to the next page.
    pub(crate) fn with_link(self, link: Option<HeaderValue>) -> Self {
        Self { link, ..self }
    }

    /// A response that shows it.
    pub(crate) fn response(self, status: StatusCode) -> Response {
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response();
        response.headers_mut().extend(self.etag.map(|etag| (header::ETAG, etag)));
        response.headers_mut().extend(self.link.map(|link| (header::LINK, link)));
        response
    }

    /// The same, or 304 when these headers say that the caller has it already.
    pub(crate) fn unless_known(self, headers: &HeaderMap) -> Response {
        match self.etag.as_ref().filter(|etag| etag.to_str().is_ok_and(|etag| is_known(headers, etag))) {
            Some(etag) => (StatusCode::NOT_MODIFIED, [(header::ETAG, etag.clone())]).into_response(),
            None => self.response(StatusCode::OK),
        }
    }
}

/// A response that shows this thing.
pub fn representation(status: StatusCode, thing: &impl Representation) -> Response {
    or_problem(Shown::one(thing).map(|shown| shown.response(status)))
}

/// A response that shows this thing, or 304 when these headers say that the caller has it already.
pub fn unless_known(headers: &HeaderMap, thing: &impl Representation) -> Response {
    or_problem(Shown::one(thing).map(|shown| shown.unless_known(headers)))
}

/// What is shown, or why it can't be.
pub(crate) fn or_problem(response: Result<Response, Problem>) -> Response {
    response.unwrap_or_else(|problem| Instead::from(problem).into_response())
}
