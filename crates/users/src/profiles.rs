//! The private table: what users say of themselves, and the only place where that is kept.

use std::collections::BTreeMap;

use contracts::ids::UserId;
use contracts::users::UserDetails;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};

use crate::schema::profiles;

/// How many rows one statement carries; MySQL allows 65,535 placeholders.
const ROWS: usize = 1000;

/// A change of one user's row.
#[derive(Clone, Debug, PartialEq)]
pub enum ProfileChange {
    /// This is what they say of themselves from now on.
    Keep(UserId, UserDetails),
    /// Nothing is kept of them.
    Erase(UserId),
}

#[derive(Insertable)]
#[diesel(table_name = profiles, treat_none_as_default_value = false)]
struct Row<'a> {
    user_id: Key,
    username: &'a str,
    email: &'a str,
    email_key: String,
    full_name: &'a str,
}

/// Writes changes. The last one of each user counts, so a batch is written with one statement of each kind.
pub(crate) async fn write(connection: &mut Connection, changes: &[ProfileChange]) -> Result<(), StoreError> {
    let last: BTreeMap<UserId, Option<&UserDetails>> = changes
        .iter()
        .map(|change| match change {
            ProfileChange::Keep(id, details) => (*id, Some(details)),
            ProfileChange::Erase(id) => (*id, None),
        })
        .collect();
    let kept: Vec<Row<'_>> = last.iter().filter_map(|(id, details)| Some(row(*id, (*details)?))).collect();
    for part in kept.chunks(ROWS) {
        diesel::replace_into(profiles::table).values(part).execute(connection).await?;
    }
    let erased: Vec<Key> = last.iter().filter(|(_, details)| details.is_none()).map(|(id, _)| Key(id.0)).collect();
    for part in erased.chunks(ROWS) {
        diesel::delete(profiles::table.filter(profiles::user_id.eq_any(part))).execute(connection).await?;
    }
    Ok(())
}

fn row(id: UserId, details: &UserDetails) -> Row<'_> {
    Row {
        user_id: Key(id.0),
        username: details.username.as_str(),
        email: details.email.as_str(),
        email_key: details.email.key(),
        full_name: details.full_name.as_str(),
    }
}
