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
use futures_util::future::try_join;
use uuid::Uuid;

use crate::cloud_events;
use crate::database::{Connection, Key, StoreError};
pub use crate::journal::Row;
use crate::journal::{self, event_id, utc};
use crate::projector::Projection;
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

/// A page of the journal: the rows behind `position` up to and including `head`.
///
/// # Errors
/// When the store is away.
pub async fn page(connection: &mut Connection, position: u64, head: u64) -> Result<Vec<Row>, StoreError> {
    let found = rows::table.filter(rows::position.gt(position).and(rows::position.le(head)));
    Ok(found.order(rows::position).limit(PAGE).select(Row::as_select()).load(connection).await?)
}

/// What a row of the journal is without what it says.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its place in the journal.
    pub position: u64,
    /// Whose state it adds to.
    pub stream_id: Uuid,
    /// Its place in that.
    pub version: u32,
    /// When it was decided.
    pub recorded_at: DateTime<Utc>,
    /// What it follows from.
    pub command_id: CommandId,
    /// What became of that command: accepted or not, and the position of it.
    pub outcome: Option<(bool, u64)>,
}

/// A page of places: all that the journal has behind `position`, each with its command's outcome.
///
/// # Errors
/// When the store is away.
pub async fn places(connection: &mut Connection, position: u64) -> Result<Vec<Place>, StoreError> {
    type Found = (u64, Key, u32, NaiveDateTime, Key, Option<bool>, Option<u64>);
    let joined = rows::table.left_join(outcomes::table.on(outcomes::command_id.eq(rows::command_id)));
    let columns = (
        rows::position,
        rows::stream_id,
        rows::version,
        rows::recorded_at,
        rows::command_id,
        outcomes::accepted.nullable(),
        outcomes::position.nullable(),
    );
    let found = joined.filter(rows::position.gt(position)).order(rows::position).limit(PAGE).select(columns);
    let found: Vec<Found> = found.load(connection).await?;
    let place = |(position, stream_id, version, recorded_at, command_id, accepted, at): Found| Place {
        position,
        stream_id: stream_id.0,
        version,
        recorded_at: utc(recorded_at),
        command_id: CommandId(command_id.0),
        outcome: accepted.zip(at),
    };
    Ok(found.into_iter().map(place).collect())
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

/// Lets a projection work through a journal from its beginning up to and including `head`, in the tables of its name that
/// `target` has. Each page that is done is told to `done` by its number of events.
///
/// # Errors
/// When a store is away, refuses, or has events that can't be read.
pub async fn fold<P: Projection>(
    journal: &mut Connection,
    target: &mut Connection,
    head: u64,
    done: impl Fn(u64),
) -> Result<(), StoreError> {
    let mut rows = page(journal, 0, head).await?;
    while let Some(last) = rows.last().map(|row| row.position) {
        let events = rows.iter().map(Row::read::<P::Event>).collect::<Result<Vec<_>, _>>()?;
        // The next page comes while this one is worked on.
        ((), rows) = try_join(P::project(target, &events), page(journal, last, head)).await?;
        done(u64::try_from(events.len()).unwrap_or_default());
    }
    Ok(())
}
