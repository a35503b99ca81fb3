//! The relay: copies the journal to the event stream, each row at the sequence that is its position.
//!
//! The stream itself is the relay's cursor. A second relay, a lost acknowledgement or a retry days later cannot
//! duplicate or reorder, because each message says which sequence must come before it; and what the broker loses, the
//! relay writes back at the same sequences. Events go one by one, pipelined: only the last is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use contracts::Service;
use futures_util::FutureExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, backoff};
use crate::handover::Handover;
use crate::health::Check;
use crate::journal::{self, Row};
use crate::{cloud_events, live, streams};

/// Rows that are read and published in one go.
const ROWS: usize = 500;
/// How often an idle relay looks whether the broker still has what it was given, and whether another replica that
/// died left rows behind.
const LOOK: Duration = Duration::from_secs(1);
/// How long the last acknowledgement of a run may take. It was lost when the broker went away in between; giving up
/// early costs no more than a look where the stream ends, and holds up neither events nor a service that drains.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(1);
/// How long the stop of a relay that must not go on is looked at again.
const ALARM: Duration = Duration::from_secs(5);

/// What the relay works with.
pub(crate) struct Relay {
    pub(crate) database: Database,
    pub(crate) jetstream: Context,
    pub(crate) service: Service,
    /// What was committed here.
    pub(crate) handover: Arc<Handover>,
    pub(crate) health: Check,
}

/// Why the relay has stopped for a moment.
enum Halt {
    /// Trouble that may pass.
    Trouble(async_nats::Error),
    /// Journal and stream contradict each other. Someone has to look; nothing is overwritten.
    Alarm(String),
}

impl<E: Into<async_nats::Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Trouble(error.into())
    }
}

impl Relay {
    /// Runs until `shutdown`, and then until everything that was committed is published.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut failures = 0;
        loop {
            let pause = match self.follow(&shutdown).await {
                Ok(()) => return,
                Err(Halt::Trouble(error)) => {
                    failures += 1;
                    self.health.trouble(failures, &format!("events cannot be published: {error}"));
                    backoff(failures)
                }
                Err(Halt::Alarm(reason)) => {
                    tracing::error!(reason, "ALARM: no event is published until someone has looked");
                    self.health.set(Err(reason));
                    ALARM
                }
            };
            tokio::select! { () = sleep(pause) => {}, () = shutdown.cancelled() => return }
        }
    }

    /// Publishes until there is trouble.
    async fn follow(&self, shutdown: &CancellationToken) -> Result<(), Halt> {
        let mut fresh = self.handover.follow();
        let mut last = self.last_sequence().await?;
        self.health.set(Ok(()));
        loop {
            let rows = self.behind(last).await?;
            if !rows.is_empty() {
                last = self.publish(&rows, last).await?;
                continue;
            }
            if shutdown.is_cancelled() {
                return Ok(());
            }
            // What is handed over need not be read, which would be one query of the 18 that a lone booking costs.
            loop {
                let handed = tokio::select! {
                    handed = fresh.next(last) => handed,
                    () = shutdown.cancelled() => None,
                    () = sleep(LOOK) => {
                        last = self.last_sequence().await?;
                        None
                    }
                };
                let Some(rows) = handed else { break };
                last = self.publish(&rows, last).await?;
            }
        }
    }

    /// The journal's next rows.
    async fn behind(&self, last: u64) -> Result<Vec<Row>, Halt> {
        let rows = journal::after(&mut *self.database.connection().await?, last, ROWS).await?;
        match rows.first() {
            Some(first) if first.position != last + 1 => Err(Halt::Alarm(format!(
                "the journal goes on at {} and the stream ends at {last}: rows are missing",
                first.position
            ))),
            _ => Ok(rows),
        }
    }

    /// Where the stream ends; it is made when it is missing.
    async fn last_sequence(&self) -> Result<u64, Halt> {
        let connection = &mut *self.database.connection().await?;
        let first = journal::first_position(connection).await?.unwrap_or(1);
        let mut stream = streams::events(&self.jetstream, self.service, first).await?;
        let last = stream.info().await?.state.last_sequence;
        // After the stream: what is published meanwhile has been committed before.
        let head = journal::head(connection).await?;
        if last > head {
            return Err(Halt::Alarm(format!(
                "the stream ends at {last}, ahead of the journal at {head}: was the store restored from a backup?"
            )));
        }
        Ok(last)
    }

    /// Publishes rows that follow `last`; returns where the stream ends then.
    async fn publish(&self, rows: &[Row], mut last: u64) -> Result<u64, Halt> {
        for part in rows.chunks(ROWS) {
            // Else another relay was faster, or the broker lost something.
            if part.first().is_some_and(|first| first.position == last + 1) {
                last = self.publish_part(part, last).await?;
            }
        }
        Ok(last)
    }

    async fn publish_part(&self, rows: &[Row], last: u64) -> Result<u64, Halt> {
        live::tell(&self.jetstream.client(), self.service, rows).await?;
        let Some((final_row, rows)) = rows.split_last() else { return Ok(last) };
        for row in rows {
            let event = cloud_events::write(self.service, row);
            let client = self.jetstream.client();
            client.publish_with_headers(event.subject, event.headers, event.payload).await?;
        }
        let event = cloud_events::write(self.service, final_row);
        let published = self.jetstream.publish_with_headers(event.subject, event.headers, event.payload);
        match timeout(ACKNOWLEDGEMENT, published.await?.into_future().boxed()).await? {
            Ok(acknowledged) => Ok(acknowledged.sequence),
            // The stream knows where it ends.
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => self.last_sequence().await,
            Err(error) => Err(error.into()),
        }
    }
}
