//! What is answered instead of what was asked for: problems (RFC 9457), and where to look later.

use std::any::Any;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, IntoResponseParts, Response};
use contracts::{Case, Problem};
use serde::Serialize;

/// The media type of problems.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// Seconds after which it is worth trying again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
/// How callers prove who they are (RFC 6750).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"marquee\"");

/// A response that ends a handler early, with `?`.
#[derive(Debug)]
pub struct Instead(Box<Response>);

impl Instead {
    /// Ends the handler with this response.
    pub(crate) fn of(response: Response) -> Self {
        Self(Box::new(response))
    }

    /// The same with more headers.
    pub(crate) fn with(self, headers: impl IntoResponseParts) -> Self {
        Self::of((headers, *self.0).into_response())
    }
}

impl From<Problem> for Instead {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if problem.is(Case::Internal) {
            tracing::error!(%problem, "answered with 500");
        }
        let instead = Self::of(json(status, PROBLEM_JSON, &problem));
        let worth_a_retry = problem.is(Case::Unavailable) || problem.is(Case::StillRunning);
        match () {
            () if worth_a_retry => instead.with([(header::RETRY_AFTER, RETRY_AFTER)]),
            () if status == StatusCode::UNAUTHORIZED => instead.with([(header::WWW_AUTHENTICATE, CHALLENGE)]),
            () => instead,
        }
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// A response with a JSON body.
pub(crate) fn json(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, media_type)], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "a response cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What was asked for, to explain what is answered instead.
pub(crate) struct Asked {
    method: Method,
    uri: Uri,
}

impl Asked {
    /// As a request asks.
    pub(crate) fn of(request: &Request) -> Self {
        Self { method: request.method().clone(), uri: request.uri().clone() }
    }

    /// Whatever error the router itself answers with gets a problem as its body, and keeps its headers.
    pub(crate) fn explained(&self, response: Response) -> Response {
        let is_error = response.status().is_client_error() || response.status().is_server_error();
        let explained =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|media_type| media_type == PROBLEM_JSON);
        if !is_error || explained {
            return response;
        }
        let problem = self.problem(response.status());
        let mut explained = Instead::from(problem).into_response();
        for (name, value) in response.headers() {
            if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
                explained.headers_mut().insert(name, value.clone());
            }
        }
        explained
    }

    fn problem(&self, status: StatusCode) -> Problem {
        let (method, path) = (&self.method, self.uri.path());
        match status {
            StatusCode::NOT_FOUND => Problem::new(Case::NoSuchRoute, format!("there is nothing at {path}")),
            StatusCode::METHOD_NOT_ALLOWED => Problem::new(
                Case::MethodNotAllowed,
                format!("{path} does not answer {method}; the header Allow has what it does"),
            ),
            StatusCode::SERVICE_UNAVAILABLE => {
                Problem::new(Case::Unavailable, "it took too long; what came of it, an Idempotency-Key would tell")
            }
            status if status.is_client_error() => Problem::invalid("request", "the request cannot be read"),
            _ => Problem::new(Case::Internal, "the request could not be answered"),
        }
    }
}

/// What a handler that panics is turned into.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = words.unwrap_or("without words"), "a handler panicked");
    Instead::from(Problem::new(Case::Internal, "the request could not be answered")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_well_later_says_when_to_try() {
        for (case, retry) in [(Case::Unavailable, true), (Case::StillRunning, true), (Case::SeatsUnavailable, false)] {
            let response = Instead::from(Problem::new(case, "")).into_response();
            assert_eq!(response.status().as_u16(), case.status());
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), retry, "{case:?}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        }
    }
}
