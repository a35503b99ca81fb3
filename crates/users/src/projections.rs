//! The read table made of events.

use chrono::NaiveDateTime;
use contracts::users::UserEvent;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};
use runtime::domain::Recorded;
use runtime::projector::Projection;

use crate::schema::users;

/// How many rows one statement carries; MySQL allows 65,535 placeholders.
const ROWS: usize = 1000;

/// Keeps `users`.
pub struct UserTable;

#[derive(Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
struct Row {
    id: Key,
    version: u32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl Projection for UserTable {
    type Event = UserEvent;
    const NAME: &'static str = "users";

    /// A user is registered, changed and deleted, in this order and never again: so all who are registered can be
    /// written first, and all who are deleted last.
    async fn project(connection: &mut Connection, events: &[Recorded<UserEvent>]) -> Result<(), StoreError> {
        let (mut registered, mut updated, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for recorded in events {
            let (id, at) = (Key(recorded.stream_id), recorded.recorded_at.naive_utc());
            match recorded.event {
                UserEvent::Registered(_) => registered.push(Row { id, version: 1, created_at: at, updated_at: at }),
                UserEvent::Updated(_) => updated.push((id, recorded.version, at)),
                UserEvent::Deleted(_) => deleted.push(id),
            }
        }
        for part in registered.chunks(ROWS) {
            diesel::insert_into(users::table).values(part).execute(connection).await?;
        }
        for (id, version, at) in updated {
            let change = (users::version.eq(version), users::updated_at.eq(at));
            diesel::update(users::table.find(id)).set(change).execute(connection).await?;
        }
        for part in deleted.chunks(ROWS) {
            diesel::delete(users::table.filter(users::id.eq_any(part))).execute(connection).await?;
        }
        Ok(())
    }
}
