//! Counts and times requests, by route rather than by path: there are only so many routes.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::histogram;
use runtime::figures::REQUESTS;
use tokio::time::Instant;

/// Files of Swagger UI, and what nothing answers.
const NO_ROUTE: &str = "other";

/// Middleware: measures until the head of the answer is there. A stream of events goes on after that.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route =
        request.extensions().get().map_or_else(|| NO_ROUTE.to_owned(), |path: &MatchedPath| path.as_str().into());
    let method = name(request.method());
    let response = next.run(request).await;
    let status = match response.status().as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    histogram!(REQUESTS, "method" => method, "route" => route, "status" => status).record(began.elapsed());
    response
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
