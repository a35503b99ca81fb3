//! The private tables: what users say of themselves, what proves who they are, and the keys of programs. No event has
//! any of it, and nowhere else is it kept, but for a moment what is to go from the dead letters ([`remains`]).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use contracts::access::{AddApiKey, PasswordHash};
use contracts::ids::{ApiKeyId, UserId};
use contracts::users::UserDetails;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};
use runtime::erasure;
use runtime::prepared::{counted, pieces};

use crate::remains;
use crate::schema::{api_keys, credentials, profiles};

/// A change of private rows.
#[derive(Clone, Debug, PartialEq)]
pub enum PrivateRow {
    /// This is what a user says of themselves from now on.
    Profile(UserId, UserDetails),
    /// This is the hash of a user's password from now on, and which of their passwords it is.
    Password(UserId, PasswordHash, u32),
    /// Nothing is kept of a user.
    Erased(UserId),
    /// A program has this key.
    Key(KeyRow),
    /// It has it no more.
    KeyRevoked(ApiKeyId),
}

#[derive(Insertable)]
#[diesel(table_name = profiles, treat_none_as_default_value = false)]
struct ProfileRow<'a> {
    user_id: Key,
    username: &'a str,
    email: &'a str,
    email_key: String,
    full_name: &'a str,
}

#[derive(Insertable)]
#[diesel(table_name = credentials, treat_none_as_default_value = false)]
struct CredentialsRow<'a> {
    user_id: Key,
    password_hash: &'a str,
    password_version: u32,
}

/// A program's key.
#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
pub struct KeyRow {
    id: Key,
    name: String,
    roles: String,
    secret_hash: String,
    created_at: NaiveDateTime,
}

impl KeyRow {
    /// A key that is made now.
    pub fn new(id: ApiKeyId, command: &AddApiKey, now: DateTime<Utc>) -> Self {
        Self {
            id: Key(id.0),
            name: command.name.as_str().to_owned(),
            roles: command.roles.to_string(),
            secret_hash: command.secret_hash.as_str().to_owned(),
            created_at: now.naive_utc(),
        }
    }
}

/// Writes changes, and notes what they leave to erase elsewhere. The last one of each user and kind counts, so a batch
/// is written with one statement of each kind.
pub(crate) async fn write(connection: &mut Connection, changes: &[PrivateRow]) -> Result<(), StoreError> {
    let remains = remains::of(connection, changes).await?;
    erasure::note(connection, &remains).await?;
    let (mut details, mut passwords) = (BTreeMap::new(), BTreeMap::new());
    let (mut keys, mut gone) = (BTreeMap::new(), Vec::new());
    for change in changes {
        match change {
            PrivateRow::Profile(id, profile) => drop(details.insert(*id, Some(profile))),
            PrivateRow::Password(id, hash, version) => drop(passwords.insert(*id, Some((hash, *version)))),
            PrivateRow::Erased(id) => {
                details.insert(*id, None);
                passwords.insert(*id, None);
            }
            PrivateRow::Key(row) => drop(keys.insert(row.id.0, row)),
            PrivateRow::KeyRevoked(id) => {
                keys.remove(&id.0);
                gone.push(Key(id.0));
            }
        }
    }
    write_profiles(connection, &details).await?;
    write_passwords(connection, &passwords).await?;
    for row in keys.into_values() {
        diesel::insert_into(api_keys::table).values(row).execute(connection).await?;
    }
    for part in pieces(&gone) {
        counted(diesel::delete(api_keys::table.filter(api_keys::id.eq_any(part))), part.len())
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn write_profiles(
    connection: &mut Connection,
    changes: &BTreeMap<UserId, Option<&UserDetails>>,
) -> Result<(), StoreError> {
    let kept = changes.iter().filter_map(|(id, details)| {
        let details = (*details)?;
        Some(ProfileRow {
            user_id: Key(id.0),
            username: details.username.as_str(),
            email: details.email.as_str(),
            email_key: details.email.key(),
            full_name: details.full_name.as_str(),
        })
    });
    let kept: Vec<ProfileRow<'_>> = kept.collect();
    for part in pieces(&kept) {
        counted(diesel::replace_into(profiles::table).values(part), part.len()).execute(connection).await?;
    }
    for part in pieces(&erased(changes)) {
        counted(diesel::delete(profiles::table.filter(profiles::user_id.eq_any(part))), part.len())
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn write_passwords(
    connection: &mut Connection,
    changes: &BTreeMap<UserId, Option<(&PasswordHash, u32)>>,
) -> Result<(), StoreError> {
    let kept = changes.iter().filter_map(|(id, password)| {
        let (hash, version) = (*password)?;
        Some(CredentialsRow { user_id: Key(id.0), password_hash: hash.as_str(), password_version: version })
    });
    let kept: Vec<CredentialsRow<'_>> = kept.collect();
    for part in pieces(&kept) {
        counted(diesel::replace_into(credentials::table).values(part), part.len()).execute(connection).await?;
    }
    for part in pieces(&erased(changes)) {
        counted(diesel::delete(credentials::table.filter(credentials::user_id.eq_any(part))), part.len())
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// The users of whom nothing is kept.
fn erased<T>(changes: &BTreeMap<UserId, Option<T>>) -> Vec<Key> {
    changes.iter().filter(|(_, kept)| kept.is_none()).map(|(id, _)| Key(id.0)).collect()
}
