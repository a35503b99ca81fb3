//! Looking at a store from outside, for an audit of a running system: what is kept there, page by page, what the stream
//! must have of it, and what read tables must have of it. Nothing here changes what anybody else sees.

use std::collections::{HashMap, HashSet};

use async_nats::jetstream::Message;
use chrono::{DateTime, NaiveDateTime, Utc};
use contracts::Service;
use contracts::ids::CommandId;
use diesel::dsl::min;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use crate::cloud_events;
use crate::database::{Connection, Key, StoreError};
pub use crate::journal::Row;
use crate::journal::{self, event_id, utc};
use crate::reactions::{self, Reaction};
use crate::schema::{checkpoints, claims, erasures, journal as rows, outcomes};
pub use crate::streams::existing_stream;

/// How many rows one page has.
pub const PAGE: i64 = 5000;

/// A connection of its own, which sees what is committed at each moment.
///
/// # Errors
/// When the store is away.
pub async fn connect(url: &str) -> Result<Connection, StoreError> {
    let connected = Connection::establish(url).await;
    let mut connection = connected.map_err(|error| StoreError::Away(error.to_string()))?;
    // As the services have it.
    let session = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET time_zone = '+00:00'";
    connection.batch_execute(session).await?;
    Ok(connection)
}

/// A connection that sees the store as it is now, whatever is written meanwhile, and writes nothing itself.
///
/// # Errors
/// When the store is away.
pub async fn snapshot(url: &str) -> Result<Connection, StoreError> {
    let mut connection = connect(url).await?;
    // The DSL has no word for snapshots. Two statements: a snapshot that is read only needs both.
    connection.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    connection.batch_execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
    Ok(connection)
}

/// The position of the last event.
///
/// # Errors
/// When the store is away.
pub async fn head(connection: &mut Connection) -> Result<u64, StoreError> {
    journal::head(connection).await
}

/// Where a projection or a reaction stands; `None` when it never ran.
///
/// # Errors
/// When the store is away.
pub async fn checkpoint(connection: &mut Connection, name: &str, source: Service) -> Result<Option<u64>, StoreError> {
    let found = checkpoints::table.find((name, source.name())).select(checkpoints::position);
    Ok(found.first(connection).await.optional()?)
}

/// How much of what was erased may still be in dead letters.
///
/// # Errors
/// When the store is away.
pub async fn pending_erasures(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(erasures::table.count().get_result(connection).await?)
}

/// A row of the journal, and what became of its command.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The row.
    pub row: Row,
    /// Whether the command was accepted, and the position of that; `None` where the outcome isn't kept.
    pub outcome: Option<(bool, u64)>,
}

/// A page of the journal: what is behind `position`.
///
/// # Errors
/// When the store is away.
pub async fn page(connection: &mut Connection, position: u64) -> Result<Vec<Entry>, StoreError> {
    let joined = rows::table.left_join(outcomes::table.on(outcomes::command_id.eq(rows::command_id)));
    let columns = (Row::as_select(), outcomes::accepted.nullable(), outcomes::position.nullable());
    let found = joined.filter(rows::position.gt(position)).order(rows::position).limit(PAGE).select(columns);
    let found: Vec<(Row, Option<bool>, Option<u64>)> = found.load(connection).await?;
    Ok(found.into_iter().map(|(row, accepted, at)| Entry { row, outcome: accepted.zip(at) }).collect())
}

/// From when on outcomes are kept: what was decided before may have been removed, and all of it when there is none.
///
/// # Errors
/// When the store is away.
pub async fn outcomes_since(connection: &mut Connection) -> Result<DateTime<Utc>, StoreError> {
    let oldest: Option<NaiveDateTime> = outcomes::table.select(min(outcomes::decided_at)).first(connection).await?;
    Ok(oldest.map_or(DateTime::<Utc>::MAX_UTC, utc))
}

/// The outcome of an accepted command at whose position the journal has no event of that command: it left none, or they
/// are missing.
#[derive(Clone, Debug)]
pub struct Eventless {
    /// The command.
    pub command_id: CommandId,
    /// Where the journal was when it was decided.
    pub position: u64,
    /// The answer, JSON.
    pub body: String,
}

/// A page of such outcomes, in the order of ids, behind this one.
///
/// # Errors
/// When the store is away.
pub async fn eventless(connection: &mut Connection, after: CommandId) -> Result<Vec<Eventless>, StoreError> {
    let same = rows::position.eq(outcomes::position).and(rows::command_id.eq(outcomes::command_id));
    let found = outcomes::table
        .left_join(rows::table.on(same))
        .filter(outcomes::accepted.and(outcomes::command_id.gt(Key(after.0))).and(rows::position.nullable().is_null()))
        .order(outcomes::command_id)
        .limit(PAGE)
        .select((outcomes::command_id, outcomes::position, outcomes::body));
    let found: Vec<(Key, u64, String)> = found.load(connection).await?;
    let read = |(Key(id), position, body)| Eventless { command_id: CommandId(id), position, body };
    Ok(found.into_iter().map(read).collect())
}

/// Those of these things that something has happened to, or whose state an event adds to.
///
/// # Errors
/// When the store is away.
pub async fn known(connection: &mut Connection, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
    let keys: Vec<Key> = ids.iter().copied().map(Key).collect();
    let entities = rows::table.filter(rows::entity_id.eq_any(&keys)).select(rows::entity_id).distinct();
    let mut found: Vec<Key> = entities.load(connection).await?;
    let streams = rows::table.filter(rows::stream_id.eq_any(&keys)).select(rows::stream_id).distinct();
    found.extend(streams.load::<Key>(connection).await?);
    Ok(found.into_iter().map(|Key(id)| id).collect())
}

/// Those of these commands that have been decided: accepted or not, and at which position.
///
/// # Errors
/// When the store is away.
pub async fn decided(
    connection: &mut Connection,
    ids: &[CommandId],
) -> Result<HashMap<CommandId, (bool, u64)>, StoreError> {
    let keys: Vec<Key> = ids.iter().map(|id| Key(id.0)).collect();
    let found = outcomes::table.filter(outcomes::command_id.eq_any(keys));
    let found: Vec<(Key, bool, u64)> =
        found.select((outcomes::command_id, outcomes::accepted, outcomes::position)).load(connection).await?;
    Ok(found.into_iter().map(|(Key(id), accepted, position)| (CommandId(id), (accepted, position))).collect())
}

/// A page of the claims of a kind, in the order of their values: those behind this value, with their holders.
///
/// # Errors
/// When the store is away.
pub async fn claims(connection: &mut Connection, kind: &str, after: &str) -> Result<Vec<(String, Uuid)>, StoreError> {
    let found = claims::table.filter(claims::kind.eq(kind).and(claims::value.gt(after)));
    let found: Vec<(String, Key)> =
        found.order(claims::value).limit(PAGE).select((claims::value, claims::stream_id)).load(connection).await?;
    Ok(found.into_iter().map(|(value, Key(holder))| (value, holder)).collect())
}

/// In what a message of the event stream differs from the journal's row at its sequence; empty when it is the same.
pub fn differences(service: Service, row: &Row, message: &Message) -> Vec<String> {
    let due = cloud_events::write(service, row);
    let mut differences = Vec::new();
    if message.subject.as_str() != due.subject {
        differences.push("subject".to_owned());
    }
    if message.payload != due.payload {
        differences.push("body".to_owned());
    }
    let found = |name| message.headers.as_ref().and_then(|headers| headers.get(name));
    let differing = due.headers.iter().filter_map(|(name, values)| {
        let name: &str = name.as_ref();
        (found(name) != values.iter().next()).then(|| name.to_owned())
    });
    differences.extend(differing.filter(|name| name.starts_with("ce-")));
    differences
}

/// The id of the event of a row.
pub fn id(row: &Row) -> Uuid {
    event_id(row.command_id.0, row.position)
}

/// The commands that must follow from an event, with their ids.
///
/// # Errors
/// [`StoreError::Unreadable`] for an event that this program does not know.
pub fn due<R: Reaction>(row: &Row) -> Result<Vec<(CommandId, R::Command)>, StoreError> {
    let event = row.read::<R::Event>()?;
    let commands = R::react(&event).into_iter().enumerate();
    Ok(commands.map(|(index, command)| (reactions::command_id::<R>(event.id, index), command)).collect())
}
