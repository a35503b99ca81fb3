//! What is left to erase elsewhere when a user's private rows are replaced or removed: whatever was in them.

use std::collections::BTreeMap;

use contracts::ids::UserId;
use contracts::users::UserDetails;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};
use runtime::erasure::Remains;

use crate::private::PrivateRow;
use crate::schema::{credentials, profiles};

/// A user's private rows, as far as they are known.
#[derive(Default)]
struct Known {
    username: Option<String>,
    email: Option<String>,
    full_name: Option<String>,
    password_hash: Option<String>,
}

/// What these changes, which are not written yet, leave behind.
///
/// # Errors
/// When the store is away.
pub(crate) async fn of(connection: &mut Connection, changes: &[PrivateRow]) -> Result<Vec<Remains>, StoreError> {
    let mut users = load(connection, changes).await?;
    let mut remains = Vec::new();
    for change in changes {
        match change {
            PrivateRow::Profile(id, details) => {
                let known = users.entry(*id).or_default();
                let UserDetails { username, email, full_name } = details;
                remains.extend(replace(&mut known.username, username.as_str()).map(Remains::common));
                remains.extend(replace(&mut known.email, email.as_str()).map(Remains::telling));
                remains.extend(replace(&mut known.full_name, full_name.as_str()).map(Remains::common));
            }
            PrivateRow::Password(id, hash, _) => {
                let known = users.entry(*id).or_default();
                remains.extend(replace(&mut known.password_hash, hash.as_str()).map(Remains::telling));
            }
            PrivateRow::Erased(id) => {
                let known = users.remove(id).unwrap_or_default();
                remains.extend([known.username, known.full_name].into_iter().flatten().map(Remains::common));
                remains.extend([known.email, known.password_hash].into_iter().flatten().map(Remains::telling));
                remains.push(Remains::common(id.to_string()));
            }
            PrivateRow::Key(_) | PrivateRow::KeyRevoked(_) => {}
        }
    }
    Ok(remains)
}

/// Puts another text in; the one before, unless it is the same but for its case.
fn replace(known: &mut Option<String>, text: &str) -> Option<String> {
    let before = known.replace(text.to_owned())?;
    (before.to_lowercase() != text.to_lowercase()).then_some(before)
}

/// A row of `profiles`: whose, and what they say of themselves.
type Profile = (Key, String, String, String);

async fn load(connection: &mut Connection, changes: &[PrivateRow]) -> Result<BTreeMap<UserId, Known>, StoreError> {
    let ids: Vec<Key> = changes
        .iter()
        .filter_map(|change| match change {
            PrivateRow::Profile(id, _) | PrivateRow::Password(id, ..) | PrivateRow::Erased(id) => Some(Key(id.0)),
            PrivateRow::Key(_) | PrivateRow::KeyRevoked(_) => None,
        })
        .collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = profiles::table.left_join(credentials::table.on(credentials::user_id.eq(profiles::user_id)));
    let columns = (profiles::user_id, profiles::username, profiles::email, profiles::full_name);
    let found = found.filter(profiles::user_id.eq_any(ids)).select((columns, credentials::password_hash.nullable()));
    let rows: Vec<(Profile, Option<String>)> = found.load(connection).await?;
    let known = rows.into_iter().map(|((Key(id), username, email, full_name), password_hash)| {
        let (username, email, full_name) = (Some(username), Some(email), Some(full_name));
        (UserId(id), Known { username, email, full_name, password_hash })
    });
    Ok(known.collect())
}
