//! The gateway as a server: its arguments, how it is put together, how it starts and ends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state, map_request, map_response};
use axum::response::{Redirect, Response};
use axum::routing::{any, get};
use runtime::client::Client;
use runtime::health::Health;
use runtime::process::{self, CommonArgs};
use runtime::room::Bounds;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::access::Secrets;
use crate::edge::{Bodies, Browsers, Connections, EdgeArgs, LimitArgs, listen, with_room};
use crate::gateway::Gateway;
use crate::input::BODY_LIMIT;
use crate::live::LiveArgs;
use crate::routes::tutorial;
use crate::swagger::{self, HOME, SwaggerUi};
use crate::{instead, measured, openapi, table};

/// How long an answer may take from the request's head on: the body's patience, the longest `Prefer: wait`, and what
/// asking once more for the outcome may take.
const ANSWER: Duration = Duration::from_secs(90);

/// REST, OpenAPI and Swagger UI
#[derive(Clone, Debug, clap::Parser)]
#[command(version)]
pub struct Args {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help text of the command")]
    pub common: CommonArgs,
    /// What tokens are signed with: <id>:<secret>, each secret at least 64 hexadecimal digits. The first signs; others,
    /// behind commas, are still believed
    #[arg(long, env = "MARQUEE_TOKEN_SECRETS", value_name = "ID:SECRET,…", hide_env_values = true)]
    pub token_secrets: Secrets,
    /// Where to answer HTTP
    #[arg(long, env = "MARQUEE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    #[command(flatten)]
    #[allow(missing_docs, reason = "as above")]
    pub edge: EdgeArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "as above")]
    pub limits: LimitArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "as above")]
    pub bounds: Bounds,
    #[command(flatten)]
    #[allow(missing_docs, reason = "as above")]
    pub live: LiveArgs,
}

/// Runs until SIGTERM or Ctrl-C, and then until the requests that have been begun are answered.
///
/// # Errors
/// When an address is taken, or the end comes before the broker answered.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let shutdown = process::shutdown_signal();
    process::raise_open_files();
    let connections = Connections::new(&args.edge)?;
    let listener = listen(args.listen).with_context(|| {
        format!("cannot listen on {}; --listen (MARQUEE_LISTEN) takes another address", args.listen)
    })?;
    let health = Health::new();
    let started = health.check("start");
    process::serve_health(&args.common, "gateway", health.clone(), shutdown.clone()).await?;
    let nats = process::connect(&args.common, "marquee-gateway", &shutdown).await?;
    let client =
        Client::connect(nats.clone(), "/marquee/gateway", args.bounds).await.map_err(anyhow::Error::from_boxed)?;
    let jetstream = async_nats::jetstream::new(nats.clone());
    health.watch_broker(nats);

    let browsers = Browsers::new(args.edge.cors_origins, connections.scheme() == "https");
    let gateway = Gateway::new(client, jetstream, args.token_secrets, &args.limits, &args.live, shutdown.clone());
    let app = app(gateway, browsers);
    tracing::info!("listening on {}://{}", connections.scheme(), listener.local_addr()?);
    started.set(Ok(()));
    connections.serve(listener, app, shutdown).await;
    tracing::info!("the gateway has stopped");
    Ok(())
}

/// All that is answered: the routes, the document, Swagger UI.
fn app(gateway: Gateway, browsers: Browsers) -> Router {
    let document = openapi().to_json().map(axum::body::Bytes::from).unwrap_or_default();
    let document = move || async move { ([(header::CONTENT_TYPE, "application/json")], document) };
    let swagger_ui = SwaggerUi::new();
    let (routes, _) = table().split_for_parts();
    let routes = routes
        .with_state(gateway)
        .route("/", get(|| async { Redirect::temporary(HOME) }))
        .route("/api", get(|| async { Redirect::temporary(HOME) }))
        .route("/api/openapi.json", get(document))
        .route(HOME, get(swagger::answer).with_state(swagger_ui.clone()))
        .fallback_service(any(swagger::answer).with_state(swagger_ui));
    with_manners(routes, browsers)
}

/// What holds for every answer, whatever the route: one path for each thing, bounded bodies and times, no panic,
/// problems.
pub fn with_manners(routes: Router, browsers: Browsers) -> Router {
    let routes = routes
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Bodies::new(), with_room))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER))
        .layer(CatchPanicLayer::custom(instead::panicked))
        .layer(from_fn(instead::explain))
        .layer(from_fn(measured::measure))
        .layer(map_response(not_stored));
    // Around the router, because what changes a path must come before it.
    browsers.around(Router::new().fallback_service(routes).layer(map_request(one_path)))
}

/// Answers change, and some are personal: whoever keeps them has to ask whether they are still right.
async fn not_stored(mut response: Response) -> Response {
    let unless_told = response.headers_mut().entry(header::CACHE_CONTROL);
    unless_told.or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

/// Each thing has one path: without a last slash, and not the tutorial's. Swagger UI's own path is the exception.
async fn one_path(mut request: Request) -> Request {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if path == HOME || trimmed.is_empty() {
        return request;
    }
    let path = tutorial::ours(trimmed).unwrap_or_else(|| trimmed.to_owned());
    if path != request.uri().path() {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(uri) = format!("{path}{query}").parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Method, StatusCode};
    use tower::ServiceExt;

    use super::*;

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
        let response = with_manners(routes, Browsers::default()).oneshot(request).await.unwrap();
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
