//! How one thing is shown: as JSON, with an entity tag.

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::bookings::Booking;
use contracts::halls::Hall;
use contracts::movies::Movie;
use contracts::showtimes::Showtime;
use contracts::users::User;
use contracts::{Case, Problem};
use serde::Serialize;

use crate::headers::{etag, value};
use crate::instead::Instead;

/// What has an address of its own and a version.
pub(crate) trait Representation: Serialize {
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
    pub(crate) etag: Option<HeaderValue>,
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
}

/// A response that shows this thing.
pub(crate) fn representation(status: StatusCode, thing: &impl Representation) -> Response {
    match Shown::one(thing) {
        Ok(shown) => shown.response(status),
        Err(problem) => Instead::from(problem).into_response(),
    }
}
