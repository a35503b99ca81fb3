//! Removes outcomes that nobody can ask for any more, so that their table does not grow for ever.
//!
//! An outcome protects against its command coming again. So it goes only when it is older than what its service was told
//! to keep, which is what an `Idempotency-Key` is good for, and older than every command that still waits in the stream.
//! Every replica prunes; that two do so at once harms nobody.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::Context;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::Service;
use metrics::counter;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::{figures, outcomes, streams};

/// How often to look.
const LOOK: Duration = Duration::from_secs(600);
/// Outcomes that are removed at once: few enough that no command waits for it.
const ROWS: i64 = 1000;
/// The pause after so many.
const PAUSE: Duration = Duration::from_millis(100);
/// By how much the clocks of the broker and of a service may differ.
const CLOCKS: TimeDelta = TimeDelta::hours(1);

/// What prunes.
pub(crate) struct Pruner {
    pub(crate) database: Database,
    pub(crate) jetstream: Context,
    pub(crate) service: Service,
    /// How long an outcome is kept.
    pub(crate) keep: Duration,
}

impl Pruner {
    /// Prunes until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut looks = interval(LOOK);
        loop {
            tokio::select! { _ = looks.tick() => {}, () = shutdown.cancelled() => return }
            tokio::select! {
                pruned = self.prune() => if let Err(error) = pruned {
                    tracing::warn!(%error, "old outcomes stay until the next look");
                },
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn prune(&self) -> Result<(), async_nats::Error> {
        let before = self.oldest_needed().await?;
        loop {
            let removed = outcomes::prune(&mut *self.database.connection().await?, before, ROWS).await?;
            counter!(figures::PRUNED).increment(removed as u64);
            if removed == 0 {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    /// Outcomes from before this time are needed no more.
    async fn oldest_needed(&self) -> Result<DateTime<Utc>, async_nats::Error> {
        let kept = Utc::now() - TimeDelta::from_std(self.keep)?;
        let mut stream = streams::commands(&self.jetstream, self.service).await?;
        let state = &stream.info().await?.state;
        if state.messages == 0 {
            return Ok(kept);
        }
        let oldest: DateTime<Utc> = SystemTime::from(state.first_timestamp).into();
        Ok(kept.min(oldest - CLOCKS))
    }
}
