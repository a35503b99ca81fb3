//! Users, without sessions: who calls is told by tokens.

use axum::response::Response;
use bookings::rows::booking_status;
use bookings::schema::bookings as booked;
use chrono::{DateTime, NaiveDateTime, Utc};
use contracts::bookings::BookingStatus;
use contracts::ids::{ShowtimeId, UserId};
use contracts::page::{Page, read_cursor};
use contracts::text::Email;
use contracts::users::{ListUsers, UpdateUser, User, UserDetails};
use contracts::{Problem, Role, Roles};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use gateway::bodies::NewUser;
use gateway::input::{Filter, Id, Input};
use gateway::instead::Instead;
use gateway::listing;
use gateway::representation::unless_known;
use movies::schema::showtimes;
use runtime::database::{Connection, Key, StoreError};
use users::domain::{self, may_manage, not_found};
use uuid::Uuid;

use super::done;
use crate::request::Asking;
use crate::schema::users as table;
use crate::seats;
use crate::store::{Stop, now, retried};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    id: Key,
    version: u32,
    username: String,
    email: String,
    email_key: String,
    full_name: String,
    roles: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl Row {
    fn write(user: &User) -> Self {
        Self {
            id: Key(user.id.0),
            version: user.version,
            username: user.details.username.to_string(),
            email: user.details.email.as_str().to_owned(),
            email_key: user.details.email.key(),
            full_name: user.details.full_name.to_string(),
            roles: user.roles.to_string(),
            created_at: user.created_at.naive_utc(),
            updated_at: user.updated_at.naive_utc(),
        }
    }

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

/// Signs up.
pub(crate) async fn create(asking: Asking, Input(new): Input<NewUser>) -> Result<Response, Instead> {
    let NewUser { username, email, full_name, password } = new;
    if password.is_none() && !asking.caller.actor.is_admin() {
        return Err(Problem::invalid("password", "who signs up needs a password").into());
    }
    let (id, at) = (UserId(Uuid::now_v7()), now());
    let password_hash = match password {
        // The half of a UUIDv7 that is random is as much of a salt as anybody needs, and the id is another.
        Some(password) => Some(asking.here.passwords.hash(password, *Uuid::now_v7().as_bytes()).await?),
        None => None,
    };
    let details = UserDetails { username, email, full_name };
    let roles = Roles::only(Role::Customer);
    let user = User { id, version: 1, details, roles, created_at: at, updated_at: at };
    retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                domain::register(id, holder(connection, &user.details.email).await?)?;
                let hash = table::password_hash.eq(password_hash.as_ref().map(|hash| hash.as_str()));
                diesel::insert_into(table::table).values((Row::write(&user), hash)).execute(connection).await?;
                Ok::<_, Stop>(())
            })
            .await
    })
    .await?;
    Ok(done(user).created(format!("/api/users/{id}")))
}

/// Lists users.
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListUsers>) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    Ok(listing::page(&asking.uri, page(&asking, query).await?))
}

async fn page(asking: &Asking, query: ListUsers) -> Result<Page<User>, Problem> {
    let mut found = table::table.select(Row::as_select()).order(table::id).limit(query.limit.rows()).into_boxed();
    if let Some(UserId(after)) = read_cursor(query.cursor.as_deref())? {
        found = found.filter(table::id.gt(Key(after)));
    }
    if let Some(email) = query.email {
        found = found.filter(table::email_key.eq(email.key()));
    }
    let connection = &mut *asking.here.database.connection().await?;
    let rows: Vec<Row> = found.load(connection).await.map_err(StoreError::from)?;
    let users = rows.into_iter().map(Row::read).collect::<Result<_, StoreError>>()?;
    Ok(Page::new(users, query.limit, |user: &User| user.id.to_string()))
}

/// Gets a user.
pub(crate) async fn get(asking: Asking, Id(id): Id<UserId>) -> Result<Response, Instead> {
    asking.caller.check_self(id)?;
    let connection = &mut *asking.here.database.connection().await.map_err(Problem::from)?;
    let row: Option<Row> = table::table
        .find(Key(id.0))
        .select(Row::as_select())
        .first(connection)
        .await
        .optional()
        .map_err(|error| Problem::from(StoreError::from(error)))?;
    let user = row.ok_or_else(|| not_found(id))?.read().map_err(Problem::from)?;
    Ok(unless_known(&asking.headers, &user))
}

/// Replaces what is known of a user.
pub(crate) async fn update(
    asking: Asking,
    Id(id): Id<UserId>,
    Input(details): Input<UserDetails>,
) -> Result<Response, Instead> {
    asking.caller.check_known()?;
    may_manage(&asking.caller.actor, id)?;
    let command = UpdateUser { id, details };
    let changed = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let user = locked(connection, id).await?;
                let known = domain::User::of(user.version, user.roles.clone(), user.created_at);
                let holder = holder(connection, &command.details.email).await?;
                known.update(&command, asking.if_version(user.version), holder)?;
                let version = known.changed(id).version;
                let user = User { version, details: command.details.clone(), updated_at: now(), ..user };
                diesel::update(table::table.find(Key(id.0))).set(Row::write(&user)).execute(connection).await?;
                Ok::<_, Stop>(user)
            })
            .await
    });
    Ok(done(changed.await?).changed())
}

/// Erases a user, and cancels their bookings of showtimes to come.
pub(crate) async fn delete(asking: Asking, Id(id): Id<UserId>) -> Result<Response, Instead> {
    asking.caller.check_known()?;
    may_manage(&asking.caller.actor, id)?;
    let erased = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let user = locked(connection, id).await?;
                let known = domain::User::of(user.version, user.roles.clone(), user.created_at);
                known.delete(id, asking.if_version(user.version))?;
                cancel_bookings(connection, id, now()).await?;
                diesel::delete(table::table.find(Key(id.0))).execute(connection).await?;
                Ok::<_, Stop>(())
            })
            .await
    });
    Ok(done(erased.await?).gone())
}

/// From here on the user books nothing, since a booking shares the lock on their row.
async fn cancel_bookings(connection: &mut Connection, id: UserId, at: DateTime<Utc>) -> Result<(), Stop> {
    let standing = booked::user_id.eq(Key(id.0)).and(booked::status.ne(booking_status(BookingStatus::Cancelled)));
    let theirs = booked::table.filter(standing).select(booked::showtime_id).distinct();
    let theirs: Vec<Key> = theirs.load(connection).await?;
    for showtime in theirs {
        let starts_at = showtimes::table.find(showtime).select(showtimes::starts_at).for_update();
        let starts_at: NaiveDateTime = starts_at.first(connection).await?;
        if starts_at <= at.naive_utc() {
            continue;
        }
        let here = booked::table.filter(booked::showtime_id.eq(showtime)).filter(standing);
        let rows: Vec<Key> = here.select(booked::id).load(connection).await?;
        let cancelled = (
            booked::status.eq(booking_status(BookingStatus::Cancelled)),
            booked::version.eq(booked::version + 1),
            booked::updated_at.eq(at.naive_utc()),
        );
        diesel::update(booked::table.filter(booked::id.eq_any(&rows))).set(cancelled).execute(connection).await?;
        for Key(booking) in rows {
            seats::release(connection, ShowtimeId(showtime.0), booking.into()).await?;
        }
    }
    Ok(())
}

/// True when there is such a user.
pub(crate) async fn exists_user(connection: &mut Connection, id: UserId) -> Result<bool, StoreError> {
    Ok(diesel::select(exists(table::table.find(Key(id.0)))).get_result(connection).await?)
}

async fn locked(connection: &mut Connection, id: UserId) -> Result<User, Stop> {
    let row = table::table.find(Key(id.0)).select(Row::as_select()).for_update();
    let row: Option<Row> = row.first(connection).await.optional()?;
    Ok(row.ok_or_else(|| not_found(id))?.read()?)
}

/// The user who has this address.
async fn holder(connection: &mut Connection, email: &Email) -> Result<Option<UserId>, Stop> {
    let found = table::table.filter(table::email_key.eq(email.key())).select(table::id);
    let found: Option<Key> = found.first(connection).await.optional()?;
    Ok(found.map(|Key(id)| id.into()))
}
