//! Bringing a service's tables up to date when it starts: safe from several processes at once, and refused where the
//! database is newer than the program.
//!
//! Migrations are expand-then-contract: whoever runs the version before gets along with the tables of this one.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::bail;
use diesel::migration::{Migration, MigrationSource};
use diesel::mysql::Mysql;
use diesel::sql_types::{Integer, Text};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::{Connection, Database, StoreError, backoff, is_passing};

const RUNTIME: EmbeddedMigrations = embed_migrations!("../../migrations/runtime");

diesel::define_sql_function! {
    /// Waits so many seconds for a named lock: 1 when this connection has it, until the connection ends.
    fn get_lock(name: Text, seconds: Integer) -> diesel::sql_types::Nullable<diesel::sql_types::BigInt>;
}
/// How long a process waits for another one that migrates, before it says so and waits again.
const TURN: i32 = 5;

/// Waits for the store as long as it takes, and brings the tables of the runtime and of `own` up to date.
///
/// # Errors
/// When a migration fails, the database is newer than this program, or `shutdown` comes first.
pub(crate) async fn run(
    database: &Database,
    url: &str,
    own: EmbeddedMigrations,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        done = when_it_answers(database, url, own) => done,
        () = shutdown.cancelled() => bail!("stopped before the tables were up to date"),
    }
}

async fn when_it_answers(database: &Database, url: &str, own: EmbeddedMigrations) -> anyhow::Result<()> {
    let (own, mut tried) = (Arc::new(own), 0);
    loop {
        // From the pool first, whose error tells best what is the matter.
        let done = match database.connection().await {
            Ok(_) => in_turn(url, Arc::clone(&own)).await,
            Err(error) => Err(error.into()),
        };
        match done {
            // It may also go away in between; a migration that was not finished is run again.
            Err(error) if is_passing(&format!("{error:#}")) || error.is::<StoreError>() => {
                tried += 1;
                tracing::warn!(error = format!("{error:#}"), "the store does not answer yet");
                sleep(backoff(tried)).await;
            }
            done => return done,
        }
    }
}

/// Waits until no other process is at it.
async fn in_turn(url: &str, own: Arc<EmbeddedMigrations>) -> anyhow::Result<()> {
    let mut lock = Connection::establish(url).await?;
    // Named locks are the server's, and have at most 64 characters.
    let name: String = format!("marquee.{}", url.rsplit('/').next().unwrap_or_default()).chars().take(64).collect();
    while diesel::select(get_lock(&name, TURN)).get_result::<Option<i64>>(&mut lock).await? != Some(1) {
        tracing::info!("another process brings the tables up to date; waiting for it");
    }
    let connection = Connection::establish(url).await?;
    tokio::task::spawn_blocking(move || migrate(AsyncMigrationHarness::new(connection), &own)).await?
}

fn migrate(mut harness: AsyncMigrationHarness<Connection>, own: &EmbeddedMigrations) -> anyhow::Result<()> {
    let failed = |error| anyhow::anyhow!("a migration failed: {error}");
    let applied: BTreeSet<_> = harness.applied_migrations().map_err(failed)?.into_iter().collect();
    let (mut known, mut pending) = (BTreeSet::new(), Vec::new());
    for source in [&RUNTIME, own] {
        let migrations: Vec<Box<dyn Migration<Mysql>>> = source.migrations().map_err(failed)?;
        let mut migrations: Vec<_> =
            migrations.into_iter().map(|migration| (migration.name().version().as_owned(), migration)).collect();
        migrations.sort_by(|(one, _), (other, _)| one.cmp(other));
        known.extend(migrations.iter().map(|(version, _)| version.as_owned()));
        pending.extend(migrations.into_iter().filter(|(version, _)| !applied.contains(version)));
    }
    if let Some(version) = applied.difference(&known).max() {
        bail!(
            "the database is newer than this program, which does not know migration {version}; start a newer program"
        );
    }
    for (_, migration) in pending {
        harness.run_migration(&migration).map_err(failed)?;
    }
    Ok(())
}
