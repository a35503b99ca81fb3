//! Counts and times requests, by route rather than by path: there are only so many routes.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use metrics::histogram;
use runtime::figures::REQUESTS;
use tokio::time::Instant;

/// Files of Swagger UI, and what nothing answers.
const NO_ROUTE: &str = "other";

/// A request that is being answered.
pub(crate) struct Measuring {
    began: Instant,
    method: &'static str,
    route: String,
}

impl Measuring {
    /// Begins with the head of a request.
    pub(crate) fn start(request: &Request) -> Self {
        let path: Option<&MatchedPath> = request.extensions().get();
        Self {
            began: Instant::now(),
            method: name(request.method()),
            route: path.map_or(NO_ROUTE, MatchedPath::as_str).to_owned(),
        }
    }

    /// Ends with the head of the answer. A stream of events goes on after that.
    pub(crate) fn end(self, response: &Response) {
        let status = match response.status().as_u16() {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        let Self { began, method, route } = self;
        histogram!(REQUESTS, "method" => method, "route" => route, "status" => status).record(began.elapsed());
    }
}

/// A method as a label: clients may make up others.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
