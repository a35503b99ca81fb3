//! A command that took effect, and the responses that say so.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use crate::headers::value;
use crate::representation::{Representation, representation};

/// A command that took effect.
pub struct Done<A> {
    /// What it answered.
    pub answer: A,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// What the response says about the command.
    pub headers: HeaderMap,
}

impl<A> Done<A> {
    /// The same with another answer.
    pub fn with<B>(self, answer: B) -> Done<B> {
        Done { answer, decided_at: self.decided_at, headers: self.headers }
    }

    /// 204: what was to go is gone.
    pub fn gone(self) -> Response {
        (StatusCode::NO_CONTENT, self.headers).into_response()
    }
}

impl<A: Representation> Done<A> {
    /// 201: the new thing, which from now on is at `location`.
    pub fn created(self, location: String) -> Response {
        let location = [(header::LOCATION, value(location))];
        (self.headers, location, representation(StatusCode::CREATED, &self.answer)).into_response()
    }

    /// 200: the thing as it is now.
    pub fn changed(self) -> Response {
        (self.headers, representation(StatusCode::OK, &self.answer)).into_response()
    }
}
