//! What became of commands, kept in the transaction of their events, so that it can always be asked again.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use contracts::ids::CommandId;
use contracts::{Case, Outcome, OutcomeStatus, Problem};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::value::RawValue;

use crate::database::{Connection, Key, StoreError};
use crate::journal::utc;
use crate::prepared::{counted, padded, pieces};
use crate::schema::outcomes;
use crate::script::{Literal, Script};

/// SHA-256 of a command's name and payload, which tells a repeat from another command under the same id.
pub(crate) type Fingerprint = [u8; 32];

/// A row as it is stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outcomes)]
struct Row {
    command_id: Key,
    accepted: bool,
    position: u64,
    body: String,
    fingerprint: Vec<u8>,
    decided_at: NaiveDateTime,
}

/// A stored outcome and what it was the outcome of.
#[derive(Clone)]
pub(crate) struct Known {
    outcome: Arc<Outcome>,
    fingerprint: Fingerprint,
}

impl Known {
    pub(crate) fn new(outcome: Arc<Outcome>, fingerprint: Fingerprint) -> Self {
        Self { outcome, fingerprint }
    }

    /// What a repeat is told: the same outcome, or a refusal when it's not the same command.
    pub(crate) fn repeat(&self, fingerprint: &Fingerprint) -> Arc<Outcome> {
        if self.fingerprint == *fingerprint {
            return Arc::clone(&self.outcome);
        }
        let problem = Problem::new(
            Case::IdempotencyMismatch,
            "this idempotency key or command id has been used with another content",
        );
        refusal(self.outcome.command_id, self.outcome.position, &problem, self.outcome.decided_at).into()
    }
}

/// The outcome of a refused command.
pub(crate) fn refusal(
    command_id: CommandId,
    position: u64,
    problem: &Problem,
    decided_at: chrono::DateTime<chrono::Utc>,
) -> Outcome {
    let body = serde_json::value::to_raw_value(problem).unwrap_or_else(|_| RawValue::NULL.to_owned());
    Outcome { command_id, status: OutcomeStatus::Refused, position, body, decided_at }
}

/// The outcomes of those of these commands that have been decided.
///
/// # Errors
/// When the store is away.
pub(crate) async fn load(
    connection: &mut Connection,
    ids: impl Iterator<Item = CommandId>,
) -> Result<HashMap<CommandId, Known>, StoreError> {
    let keys = padded(ids.map(|id| Key(id.0)).collect());
    let count = keys.len();
    let found = outcomes::table.filter(outcomes::command_id.eq_any(keys)).select(Row::as_select());
    let rows: Vec<Row> = counted(found, count).load(connection).await?;
    rows.into_iter()
        .map(|row| {
            let fingerprint = row.fingerprint.as_slice().try_into();
            let fingerprint = fingerprint.map_err(|_| StoreError::Unreadable("a fingerprint".into()))?;
            let outcome = read(row)?;
            Ok((outcome.command_id, Known::new(outcome.into(), fingerprint)))
        })
        .collect()
}

/// One command's outcome; `None` while it has not been decided.
///
/// # Errors
/// When the store is away.
pub(crate) async fn one(connection: &mut Connection, id: CommandId) -> Result<Option<Outcome>, StoreError> {
    let row = outcomes::table.find(Key(id.0)).select(Row::as_select()).first(connection).await.optional()?;
    row.map(read).transpose()
}

/// Stores new outcomes.
pub(crate) fn save_in(script: &mut Script, outcomes: &[Known]) {
    let values = outcomes.iter().map(|Known { outcome, fingerprint }| {
        vec![
            Literal::Bytes(outcome.command_id.0.as_bytes()),
            Literal::Number(u64::from(outcome.status == OutcomeStatus::Accepted)),
            Literal::Number(outcome.position),
            Literal::Text(outcome.body.get()),
            Literal::Bytes(fingerprint),
            Literal::Time(outcome.decided_at.naive_utc()),
        ]
    });
    script.insert("outcomes (command_id, accepted, position, body, fingerprint, decided_at)", values);
}

/// Stores new outcomes.
pub(crate) async fn save(connection: &mut Connection, known: &[Known]) -> Result<(), StoreError> {
    let rows = known.iter().map(|Known { outcome, fingerprint }| {
        (
            outcomes::command_id.eq(Key(outcome.command_id.0)),
            outcomes::accepted.eq(outcome.status == OutcomeStatus::Accepted),
            outcomes::position.eq(outcome.position),
            outcomes::body.eq(outcome.body.get()),
            outcomes::fingerprint.eq(fingerprint.as_slice()),
            outcomes::decided_at.eq(outcome.decided_at.naive_utc()),
        )
    });
    for part in pieces(&rows.collect::<Vec<_>>()) {
        counted(diesel::insert_into(outcomes::table).values(part), part.len()).execute(connection).await?;
    }
    Ok(())
}

/// Removes at most `limit` outcomes that were decided before this time; how many.
///
/// # Errors
/// When the store is away.
pub(crate) async fn prune(
    connection: &mut Connection,
    before: chrono::DateTime<chrono::Utc>,
    limit: i64,
) -> Result<usize, StoreError> {
    // The DSL has no DELETE with a LIMIT for MySQL.
    let old = outcomes::table.filter(outcomes::decided_at.lt(before.naive_utc())).order(outcomes::decided_at);
    let old: Vec<Key> = old.limit(limit).select(outcomes::command_id).load(connection).await?;
    if old.is_empty() {
        return Ok(0);
    }
    Ok(diesel::delete(outcomes::table.filter(outcomes::command_id.eq_any(old))).execute(connection).await?)
}

fn read(row: Row) -> Result<Outcome, StoreError> {
    Ok(Outcome {
        command_id: row.command_id.0.into(),
        status: if row.accepted { OutcomeStatus::Accepted } else { OutcomeStatus::Refused },
        position: row.position,
        body: RawValue::from_string(row.body).map_err(|error| StoreError::Unreadable(error.to_string()))?,
        decided_at: utc(row.decided_at),
    })
}
