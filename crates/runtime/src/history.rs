//! Writing into a store what decisions of the past would have left there, without deciding anything: for measurements of
//! a service that has much in its journal. As long as a service runs on the store, this waits for its turn as any writer
//! does; but states that it keeps know nothing of streams that it began meanwhile.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::ids::CommandId;
use contracts::{Actor, EventSet, Outcome, OutcomeStatus};
use futures_util::FutureExt;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::claims::Claims;
use crate::database::{Database, StoreError};
use crate::domain::{Claim, Recorded};
use crate::journal::{self, Row, event_id};
use crate::outcomes::{self, Fingerprint, Known};

/// A command that was accepted, and the one event that it left.
#[derive(Clone, Debug)]
pub struct Past<E> {
    /// The command.
    pub command_id: CommandId,
    /// Who gave it.
    pub actor: Actor,
    /// When it was decided; whole microseconds.
    pub decided_at: DateTime<Utc>,
    /// Whose state the event adds to.
    pub stream_id: Uuid,
    /// Its place in that stream, from 1.
    pub version: u32,
    /// What happened.
    pub event: E,
    /// What was answered.
    pub answer: Box<RawValue>,
    /// The claims that it took, all held by the stream.
    pub taken: Vec<Claim>,
}

/// Writes all of these behind what is there, in one transaction.
///
/// # Errors
/// When the store is away; a version or a claim that exists is refused, and then nothing is written.
pub async fn write<E: EventSet>(database: &Database, past: Vec<Past<E>>) -> Result<(), StoreError> {
    let past = Arc::new(past);
    let written = database.transaction(|connection| {
        let past = Arc::clone(&past);
        async move {
            let mut position = journal::lock_head(connection).await?.position;
            let (mut rows, mut fresh, mut claims) = (Vec::new(), Vec::new(), Claims::default());
            for one in past.iter() {
                position += 1;
                rows.push(one.row(position)?);
                // No repeat of it will come.
                fresh.push(Known::new(one.outcome(position).into(), Fingerprint::default()));
                one.taken.iter().for_each(|claim| claims.take(claim.clone(), one.stream_id));
            }
            journal::append(connection, &rows).await?;
            journal::move_head(connection, position).await?;
            outcomes::save(connection, &fresh).await?;
            claims.save(connection).await
        }
        .boxed()
    });
    written.await
}

impl<E: EventSet> Past<E> {
    fn row(&self, position: u64) -> Result<Row, StoreError> {
        let recorded = Recorded {
            id: event_id(self.command_id.0, position),
            position,
            stream_id: self.stream_id,
            version: self.version,
            recorded_at: self.decided_at,
            event: self.event.clone(),
        };
        Row::new(&recorded, self.command_id, &self.actor)
    }

    fn outcome(&self, position: u64) -> Outcome {
        Outcome {
            command_id: self.command_id,
            status: OutcomeStatus::Accepted,
            position,
            body: self.answer.clone(),
            decided_at: self.decided_at,
        }
    }
}
