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
use crate::script::{Literal, Script};

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

/// Locks the head until the transaction ends and returns it.
///
/// # Errors
/// When the store is away.
pub(crate) async fn lock_head(connection: &mut Connection) -> Result<Head, StoreError> {
    Ok(journal_head::table.find(HEAD).select(Head::as_select()).for_update().first(connection).await?)
}

/// The same without waiting for anybody; `None` where somebody else has it locked.
///
/// # Errors
/// When the store is away.
pub(crate) async fn try_lock_head(connection: &mut Connection) -> Result<Option<Head>, StoreError> {
    let head = journal_head::table.find(HEAD).select(Head::as_select()).for_update().skip_locked();
    Ok(head.first(connection).await.optional()?)
}

/// The last committed position.
///
/// # Errors
/// When the store is away.
pub(crate) async fn head(connection: &mut Connection) -> Result<u64, StoreError> {
    Ok(Head::read(connection).await?.position)
}

/// The head: the last position, and how often something that decisions rest on has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = journal_head)]
pub(crate) struct Head {
    pub(crate) position: u64,
    pub(crate) changes: u64,
}

impl Head {
    /// Reads it.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn read(connection: &mut Connection) -> Result<Self, StoreError> {
        Ok(journal_head::table.find(HEAD).select(Self::as_select()).first(connection).await?)
    }

    /// What it is after it was moved to this position once.
    pub(crate) fn moved(self, position: u64) -> Self {
        Self { position, changes: self.changes + 1 }
    }

    /// Moves it to this position if it still is what it was, and locks it; a script stops where it isn't: there is no
    /// position NULL.
    pub(crate) fn move_on(self, position: u64, script: &mut Script) {
        let Self { position: before, changes } = self;
        script.add(format_args!(
            "UPDATE journal_head SET position = IF(position = {before} AND changes = {changes}, {position}, NULL), \
             changes = changes + 1 WHERE id = {HEAD}"
        ));
    }
}

/// Appends rows, under the lock of the head.
///
/// # Errors
/// When the store is away; a position or a version that exists is refused.
pub(crate) async fn append(connection: &mut Connection, rows: &[Row]) -> Result<(), StoreError> {
    for part in pieces(rows) {
        counted(diesel::insert_into(journal::table).values(part), part.len()).execute(connection).await?;
    }
    Ok(())
}

/// Appends rows.
pub(crate) fn append_in(script: &mut Script, rows: &[Row]) {
    let values = rows.iter().map(|row| {
        vec![
            Literal::Number(row.position),
            Literal::Bytes(row.stream_id.0.as_bytes()),
            Literal::Number(row.version.into()),
            Literal::Bytes(row.entity_id.0.as_bytes()),
            Literal::Text(&row.event_type),
            Literal::Text(&row.data),
            Literal::Bytes(row.command_id.0.as_bytes()),
            Literal::Text(&row.actor),
            Literal::Time(row.recorded_at),
        ]
    });
    script.insert(
        "journal (position, stream_id, version, entity_id, event_type, data, command_id, actor, recorded_at)",
        values,
    );
}

/// Moves the head, which must be locked, and counts that something has changed.
///
/// # Errors
/// When the store is away.
pub(crate) async fn move_head(connection: &mut Connection, position: u64) -> Result<(), StoreError> {
    let moved = diesel::update(journal_head::table.find(HEAD))
        .set((journal_head::position.eq(position), journal_head::changes.eq(journal_head::changes + 1)));
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
