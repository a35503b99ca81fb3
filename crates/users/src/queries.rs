//! Questions, answered from the read table and the private one beside it.

use chrono::NaiveDateTime;
use contracts::ids::UserId;
use contracts::page::{Page, read_cursor};
use contracts::users::{GetNames, GetUser, ListUsers, Names, User, UserDetails, UserRef};
use contracts::{Case, Problem};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Database, Key, StoreError};
use runtime::prepared::{counted, padded};

use crate::schema::{profiles, users};

/// One user.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(crate) async fn user(database: Database, query: GetUser) -> Result<User, Problem> {
    let connection = &mut *database.connection().await?;
    let found = users::table.inner_join(profiles::table).filter(users::id.eq(Key(query.id.0)));
    let row: Option<Row> = found.select(COLUMNS).first(connection).await.optional().map_err(StoreError::from)?;
    let unknown = || Problem::new(Case::NotFound, format!("there is no user {}", query.id));
    Ok(row.ok_or_else(unknown)?.read()?)
}

/// Users, oldest first.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere, `Unavailable`.
pub(crate) async fn users(database: Database, query: ListUsers) -> Result<Page<User>, Problem> {
    let found = users::table.inner_join(profiles::table).select(COLUMNS);
    let mut found = found.order(users::id).limit(query.limit.rows()).into_boxed();
    if let Some(UserId(after)) = read_cursor(query.cursor.as_deref())? {
        found = found.filter(users::id.gt(Key(after)));
    }
    if let Some(email) = query.email {
        found = found.filter(profiles::email_key.eq(email.key()));
    }
    let rows: Vec<Row> = found.load(&mut *database.connection().await?).await.map_err(StoreError::from)?;
    let users = rows.into_iter().map(Row::read).collect::<Result<_, StoreError>>()?;
    Ok(Page::new(users, query.limit, |user: &User| user.id.to_string()))
}

/// The names of those of these users who exist.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn names(database: Database, query: GetNames) -> Result<Names, Problem> {
    let keys = padded(query.users.into_iter().map(|id| Key(id.0)).collect());
    let count = keys.len();
    let found = profiles::table.filter(profiles::user_id.eq_any(keys));
    let found = found.select((profiles::user_id, profiles::username, profiles::full_name));
    let connection = &mut *database.connection().await?;
    let rows: Vec<(Key, String, String)> = counted(found, count).load(connection).await.map_err(StoreError::from)?;
    let read = |(Key(id), username, full_name): (Key, String, String)| {
        let (username, full_name) = (username.try_into(), full_name.try_into());
        Ok(UserRef {
            id: id.into(),
            username: username.map_err(StoreError::Unreadable)?,
            full_name: full_name.map_err(StoreError::Unreadable)?,
        })
    };
    Ok(Names { users: rows.into_iter().map(read).collect::<Result<_, StoreError>>()? })
}

/// What [`Row`] is read from.
type Columns = (
    users::id,
    users::version,
    users::created_at,
    users::updated_at,
    users::roles,
    profiles::username,
    profiles::email,
    profiles::full_name,
);
const COLUMNS: Columns = (
    users::id,
    users::version,
    users::created_at,
    users::updated_at,
    users::roles,
    profiles::username,
    profiles::email,
    profiles::full_name,
);

#[derive(Queryable)]
struct Row {
    id: Key,
    version: u32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    roles: String,
    username: String,
    email: String,
    full_name: String,
}

impl Row {
    fn read(self) -> Result<User, StoreError> {
        let details = UserDetails {
            username: self.username.try_into().map_err(StoreError::Unreadable)?,
            email: self.email.try_into().map_err(StoreError::Unreadable)?,
            full_name: self.full_name.try_into().map_err(StoreError::Unreadable)?,
        };
        Ok(User {
            id: self.id.0.into(),
            version: self.version,
            details,
            roles: self.roles.parse().map_err(StoreError::Unreadable)?,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}
