//! The journal: a service's one ordered record of what happened, and the row that holds its order together.
//!
//! Every transaction that writes locks the head first, so positions are gapless and in commit order whatever number
//! of replicas write. (Auto-increment order is not commit order in InnoDB.)

use chrono::{DateTime, NaiveDateTime, Utc};
use contracts::ids::{CommandId, derive_id};
use contracts::{Actor, EventSet};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::database::{Connection, Key, StoreError};
use crate::domain::Recorded;
use crate::prepared::{counted, padded, pieces};
use crate::schema::{journal, journal_head};

/// The one row of `journal_head`.
const HEAD: u8 = 1;

/// A row as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = journal, treat_none_as_default_value = false)]
pub struct Row {
    /// From 1, without gaps.
    pub position: u64,
    /// Whose state it adds to.
    pub stream_id: Key,
    /// Its place in its stream.
    pub version: u32,
    /// The thing that it happened to, named in the event's subject.
    pub entity_id: Key,
    /// Such as `booking-placed.v1`.
    pub event_type: String,
    /// JSON.
    pub data: String,
    /// What it follows from.
    pub command_id: Key,
    /// Who gave the command.
    pub actor: String,
    /// When it was decided; UTC, microseconds.
    pub recorded_at: NaiveDateTime,
}

impl Row {
    /// A row for this event.
    ///
    /// # Errors
    /// For an event that is not JSON.
    pub(crate) fn new<E: EventSet>(
        recorded: &Recorded<E>,
        command_id: CommandId,
        actor: &Actor,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            position: recorded.position,
            stream_id: Key(recorded.stream_id),
            version: recorded.version,
            entity_id: Key(recorded.event.entity()),
            event_type: recorded.event.type_name().to_owned(),
            data: recorded.event.encode().map_err(|error| StoreError::Unreadable(error.to_string()))?,
            command_id: Key(command_id.0),
            actor: actor.to_string(),
            recorded_at: recorded.recorded_at.naive_utc(),
        })
    }

    /// The event as the program knows it.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for a type or body that this program does not know.
    pub fn read<E: EventSet>(&self) -> Result<Recorded<E>, StoreError> {
        let event = E::decode(&self.event_type, self.data.as_bytes())
            .map_err(|error| StoreError::Unreadable(format!("position {}: {error}", self.position)))?;
        Ok(Recorded {
            id: event_id(self.command_id.0, self.position),
            position: self.position,
            stream_id: self.stream_id.0,
            version: self.version,
            recorded_at: utc(self.recorded_at),
            event,
        })
    }
}

/// The id of the event that this command left at this position.
pub(crate) fn event_id(command_id: Uuid, position: u64) -> Uuid {
    derive_id(command_id, &position.to_string())
}

/// What a DATETIME of ours means.
pub(crate) fn utc(time: NaiveDateTime) -> DateTime<Utc> {
    time.and_utc()
}

/// The present, in the microseconds that a DATETIME(6) keeps: what is decided equals what is read back.
pub(crate) fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

/// Locks the head until the transaction ends and returns the last position.
///
/// # Errors
/// When the store is away.
pub(crate) async fn lock_head(connection: &mut Connection) -> Result<u64, StoreError> {
    let head = journal_head::table.find(HEAD).select(journal_head::position).for_update();
    Ok(head.first(connection).await?)
}

/// The last committed position.
///
/// # Errors
/// When the store is away.
pub(crate) async fn head(connection: &mut Connection) -> Result<u64, StoreError> {
    Ok(journal_head::table.find(HEAD).select(journal_head::position).first(connection).await?)
}

/// Appends rows and moves the head, which must be locked.
///
/// # Errors
/// When the store is away; a position or a version that exists is refused.
pub(crate) async fn append(connection: &mut Connection, rows: &[Row]) -> Result<(), StoreError> {
    let Some(last) = rows.last().map(|row| row.position) else { return Ok(()) };
    for part in pieces(rows) {
        counted(diesel::insert_into(journal::table).values(part), part.len()).execute(connection).await?;
    }
    let moved = diesel::update(journal_head::table.find(HEAD)).set(journal_head::position.eq(last));
    counted(moved, 1).execute(connection).await?;
    Ok(())
}

/// At most `most` rows behind this position, in order.
///
/// # Errors
/// When the store is away.
pub(crate) async fn after(connection: &mut Connection, position: u64, most: usize) -> Result<Vec<Row>, StoreError> {
    let rows = journal::table.filter(journal::position.gt(position)).order(journal::position);
    let rows = rows.limit(i64::try_from(most).unwrap_or(i64::MAX));
    Ok(rows.select(Row::as_select()).load(connection).await?)
}

/// The rows behind `position` up to and including `head`, in order.
///
/// # Errors
/// When the store is away.
pub(crate) async fn between(connection: &mut Connection, position: u64, head: u64) -> Result<Vec<Row>, StoreError> {
    let rows =
        journal::table.filter(journal::position.gt(position).and(journal::position.le(head))).order(journal::position);
    Ok(rows.select(Row::as_select()).load(connection).await?)
}

/// The rows of these streams up to and including `head`, in order.
///
/// # Errors
/// When the store is away.
pub(crate) async fn streams(connection: &mut Connection, ids: &[Uuid], head: u64) -> Result<Vec<Row>, StoreError> {
    let keys = padded(ids.iter().copied().map(Key).collect());
    let count = keys.len();
    let rows =
        journal::table.filter(journal::stream_id.eq_any(keys).and(journal::position.le(head))).order(journal::position);
    Ok(counted(rows.select(Row::as_select()), count).load(connection).await?)
}

/// The position of the oldest row; `None` while there is none.
///
/// # Errors
/// When the store is away.
pub(crate) async fn first_position(connection: &mut Connection) -> Result<Option<u64>, StoreError> {
    Ok(journal::table.select(diesel::dsl::min(journal::position)).first(connection).await?)
}
