//! The read table made of events.

use chrono::NaiveDateTime;
use contracts::users::UserEvent;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};
use runtime::domain::Recorded;
use runtime::prepared::{counted, pieces};
use runtime::projector::Projection;

use crate::schema::users;

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

/// What changes of a row; roles only where there are some.
#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Change {
    version: u32,
    updated_at: NaiveDateTime,
    roles: Option<String>,
}

impl Projection for UserTable {
    type Event = UserEvent;
    const NAME: &'static str = "users";
    const TABLES: &'static [&'static str] = &["users"];

    /// A user is registered, changed and deleted, in this order and never again: so all who are registered can be
    /// written first, and all who are deleted last. Sessions and API keys have no read table.
    async fn project(connection: &mut Connection, events: &[Recorded<UserEvent>]) -> Result<(), StoreError> {
        let (mut registered, mut updated, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for recorded in events {
            let (id, at) = (Key(recorded.stream_id), recorded.recorded_at.naive_utc());
            match &recorded.event {
                UserEvent::Registered(_) => registered.push(Row { id, version: 1, created_at: at, updated_at: at }),
                UserEvent::Updated(_) | UserEvent::PasswordChanged(_) => {
                    updated.push((id, Change { version: recorded.version, updated_at: at, roles: None }));
                }
                UserEvent::RolesChanged(changed) => {
                    let roles = Some(changed.roles.to_string());
                    updated.push((id, Change { version: recorded.version, updated_at: at, roles }));
                }
                UserEvent::Deleted(_) => deleted.push(id),
                UserEvent::SessionOpened(_)
                | UserEvent::SessionRefreshed(_)
                | UserEvent::SessionClosed(_)
                | UserEvent::ApiKeyAdded(_)
                | UserEvent::ApiKeyRevoked(_) => {}
            }
        }
        for part in pieces(&registered) {
            counted(diesel::insert_into(users::table).values(part), part.len()).execute(connection).await?;
        }
        for (id, change) in updated {
            diesel::update(users::table.find(id)).set(change).execute(connection).await?;
        }
        for part in pieces(&deleted) {
            counted(diesel::delete(users::table.filter(users::id.eq_any(part))), part.len())
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}
