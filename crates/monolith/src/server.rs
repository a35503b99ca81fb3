//! The monolith as a server: its arguments, its tables, how it starts and ends.

use std::net::SocketAddr;

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use diesel_async::{AsyncConnection, AsyncMigrationHarness};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use gateway::access::Secrets;
use gateway::edge::{Browsers, Connections, EdgeArgs, listen};
use runtime::database::{Connection, Database};
use runtime::process;

use crate::request::Monolith;
use crate::table;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/monolith");

/// The same cinema as one program on one database
#[derive(Clone, Debug, clap::Parser)]
#[command(version)]
pub struct Args {
    /// Its MySQL or MariaDB database
    #[arg(long, env = "DATABASE_URL", value_name = "mysql://USER:PASSWORD@HOST:PORT/DATABASE", hide_env_values = true)]
    pub database_url: String,
    /// Connections to the database at a time; more requests wait
    #[arg(long, env = "MONOLITH_POOL", value_name = "NUMBER", default_value_t = 32)]
    pub pool: usize,
    /// What tokens are signed with, as for the gateway
    #[arg(long, env = "MARQUEE_TOKEN_SECRETS", value_name = "ID:SECRET,…", hide_env_values = true)]
    pub token_secrets: Secrets,
    /// Where to answer HTTP
    #[arg(long, env = "MARQUEE_LISTEN", default_value = "127.0.0.1:8090", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help text of the command")]
    pub edge: EdgeArgs,
}

/// Runs until SIGTERM or Ctrl-C, and then until the requests that have been begun are answered.
///
/// # Errors
/// When the address is taken or the tables cannot be made.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let shutdown = process::shutdown_signal();
    process::raise_open_files();
    let connections = Connections::new(&args.edge)?;
    let listener = listen(args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    make_tables(&args.database_url).await?;
    let database = Database::new(&args.database_url, args.pool)?;
    let browsers = Browsers::new(args.edge.cors_origins, connections.scheme() == "https");
    let app = table().with_state(Monolith::new(database, args.token_secrets));
    tracing::info!("listening on {}://{}", connections.scheme(), listener.local_addr()?);
    connections.serve(listener, gateway::with_manners(app, browsers), shutdown).await;
    Ok(())
}

async fn make_tables(url: &str) -> anyhow::Result<()> {
    let connection = Connection::establish(url).await?;
    let migrate = move || {
        let mut harness = AsyncMigrationHarness::new(connection);
        harness
            .run_pending_migrations(MIGRATIONS)
            .map(drop)
            .map_err(|error| anyhow::anyhow!("a migration failed: {error}"))
    };
    tokio::task::spawn_blocking(migrate).await?
}

/// 200 when the database answers.
pub(crate) async fn ready(State(here): State<Monolith>) -> StatusCode {
    match here.database.connection().await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
