//! What answers: the routes, and what holds for every answer whatever the route is. One path for each thing, bounded
//! bodies and times, no panic, problems, what browsers are told; and everything is counted.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;
use tower::Service;

use crate::edge::{Bodies, Browsers};
use crate::instead::{self, Asked, Instead};
use crate::measured::Measuring;
use crate::routes::tutorial;
use crate::swagger::HOME;

/// How long an answer may take from the request's head on: the body's patience, the longest `Prefer: wait`, and what
/// asking once more for the outcome may take.
const ANSWER: Duration = Duration::from_secs(90);

/// What answers requests. Clones are cheap.
#[derive(Clone)]
pub struct App(Router);

/// Lets these routes answer as all do.
pub fn with_manners(routes: Router, browsers: Browsers) -> App {
    let cors = browsers.cors();
    // One layer for all of it, because each clones what is behind it and boxes its future, for every request: seven took
    // 28 of 65 µs that a read cost, with a gateway that was dear to clone.
    let manners = Arc::new(Manners { bodies: Bodies::new(), browsers });
    let routes = routes.layer(from_fn_with_state(manners, answer_as_all_do));
    App(match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    })
}

impl App {
    /// Answers a request.
    pub(crate) async fn answer(mut self, mut request: Request) -> Response {
        // Before the routes, because they go by the path.
        one_path(request.uri_mut());
        self.0.call(request).await.unwrap_or_else(|never| match never {})
    }
}

/// What it takes to answer as all do.
struct Manners {
    bodies: Bodies,
    browsers: Browsers,
}

/// Middleware, in the order in which it happens.
async fn answer_as_all_do(State(manners): State<Arc<Manners>>, request: Request, next: Next) -> Response {
    let (asked, measuring) = (Asked::of(&request), Measuring::start(&request));
    let response = match manners.bodies.room(request.body()) {
        Ok(_taken) => in_time(next.run(request)).await,
        Err(problem) => Instead::from(problem).into_response(),
    };
    let mut response = asked.explained(response);
    measuring.end(&response);
    not_stored(&mut response);
    manners.browsers.tell(&mut response);
    response
}

/// What is answered, or that it takes too long, or fails.
async fn in_time(answer: impl Future<Output = Response>) -> Response {
    match timeout(ANSWER, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => instead::panicked(&*panic),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Answers change, and some are personal: whoever keeps them has to ask whether they are still right.
fn not_stored(response: &mut Response) {
    let unless_told = response.headers_mut().entry(header::CACHE_CONTROL);
    unless_told.or_insert(HeaderValue::from_static("private, no-cache"));
}

/// Each thing has one path: without a last slash, and not the tutorial's. Swagger UI's own path is the exception.
fn one_path(uri: &mut Uri) {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if path == HOME || trimmed.is_empty() {
        return;
    }
    let ours = tutorial::ours(trimmed);
    let ours = ours.as_deref().unwrap_or(trimmed);
    if ours == path {
        return;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(ours) = format!("{ours}{query}").parse() {
        *uri = ours;
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Method;
    use axum::routing::get;

    use super::*;
    use crate::input::BODY_LIMIT;

    /// What is answered: the status, the header `Allow`, and the body.
    async fn answer(method: Method, path: &str) -> (StatusCode, String, serde_json::Value) {
        let routes =
            Router::new().route("/api/users", get(|uri: Uri| async move { axum::Json(uri.to_string()) })).route(
                "/api/panic",
                get(|| async {
                    if true {
                        panic!("words")
                    }
                }),
            );
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = with_manners(routes, Browsers::default()).answer(request).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-cache");
        let allow = response.headers().get(header::ALLOW).map_or("", |allow| allow.to_str().unwrap()).to_owned();
        let status = response.status();
        let body = to_bytes(response.into_body(), BODY_LIMIT).await.unwrap();
        (status, allow, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_thing_has_one_path() {
        for path in ["/api/users?a=b%2F", "/api/users/?a=b%2F", "/api/users//?a=b%2F", "/api/user/?a=b%2F"] {
            assert_eq!(answer(Method::GET, path).await.2, "/api/users?a=b%2F", "{path}");
        }
    }

    #[tokio::test]
    async fn what_no_handler_answers_is_a_problem() {
        for (method, path, status, allow, case) in [
            (Method::GET, "/api/nothing", StatusCode::NOT_FOUND, "", "no-such-route"),
            (Method::GET, "/", StatusCode::NOT_FOUND, "", "no-such-route"),
            (Method::PATCH, "/api/users", StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD", "method-not-allowed"),
            (Method::GET, "/api/panic", StatusCode::INTERNAL_SERVER_ERROR, "", "internal"),
        ] {
            let found = answer(method, path).await;
            assert_eq!((found.0, found.1.as_str()), (status, allow), "{path}");
            assert_eq!(found.2["type"], format!("urn:marquee:problem:{case}"), "{path}");
            assert_eq!(found.2["status"], status.as_u16(), "{path}");
        }
    }
}
