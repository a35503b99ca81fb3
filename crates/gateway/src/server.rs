//! The gateway as a server: its arguments, how it is put together, how it starts and ends.

use std::net::SocketAddr;

use anyhow::Context;
use axum::http::header;
use axum::response::Redirect;
use axum::routing::{any, get};
use runtime::client::Client;
use runtime::health::Health;
use runtime::process::{self, CommonArgs};
use runtime::room::Bounds;

use crate::access::Secrets;
use crate::app::{App, with_manners};
use crate::edge::{Browsers, Connections, EdgeArgs, LimitArgs, listen};
use crate::gateway::Gateway;
use crate::live::LiveArgs;
use crate::swagger::{self, HOME, SwaggerUi};
use crate::{openapi, table};

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
fn app(gateway: Gateway, browsers: Browsers) -> App {
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
