//! What proves who somebody is, for the gateway. Answered from the private tables, which are committed with the journal.

use chrono::NaiveDateTime;
use contracts::access::{ApiKey, ApiKeyProof, Credentials, GetApiKey, GetCredentials, ListApiKeys};
use contracts::ids::{ApiKeyId, UserId};
use contracts::page::{Page, read_cursor};
use contracts::{Case, Problem};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::committed::Committed;
use runtime::database::{Database, Key, StoreError};

use crate::commands::Users;
use crate::schema::{api_keys, credentials, profiles};

/// What proves a user's password.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(crate) async fn credentials(committed: Committed<Users>, query: GetCredentials) -> Result<Credentials, Problem> {
    let found = profiles::table.left_join(credentials::table.on(credentials::user_id.eq(profiles::user_id)));
    let columns = (credentials::password_hash, credentials::password_version).nullable();
    let mut found = found.select((profiles::user_id, columns)).into_boxed();
    if let Some(email) = &query.email {
        found = found.filter(profiles::email_key.eq(email.key()));
    }
    if let Some(id) = query.user_id {
        found = found.filter(profiles::user_id.eq(Key(id.0)));
    }
    let connection = &mut *committed.database().connection().await?;
    let row: Option<(Key, Option<(String, u32)>)> =
        found.first(connection).await.optional().map_err(StoreError::from)?;
    let unknown = || Problem::new(Case::NotFound, "there is no such user");
    let (id, password) = row.filter(|_| query != GetCredentials { email: None, user_id: None }).ok_or_else(unknown)?;
    let (hash, password_version) = password.map_or((None, 0), |(hash, version)| (Some(hash), version));
    let password_hash = hash.map(TryInto::try_into).transpose().map_err(StoreError::Unreadable)?;
    Ok(Credentials { user_id: UserId(id.0), password_hash, password_version })
}

/// Which of their passwords a user has; `None` without one.
///
/// # Errors
/// When the store is away.
pub(crate) async fn password_version(database: &Database, user: UserId) -> Result<Option<u32>, StoreError> {
    let found = credentials::table.find(Key(user.0)).select(credentials::password_version);
    Ok(found.first(&mut *database.connection().await?).await.optional()?)
}

/// What proves an API key.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(crate) async fn api_key(committed: Committed<Users>, query: GetApiKey) -> Result<ApiKeyProof, Problem> {
    let found = api_keys::table.find(Key(query.id.0)).select((api_keys::secret_hash, api_keys::roles));
    let connection = &mut *committed.database().connection().await?;
    let row: Option<(String, String)> = found.first(connection).await.optional().map_err(StoreError::from)?;
    let unknown = || Problem::new(Case::NotFound, format!("there is no API key {}", query.id));
    let (secret_hash, roles) = row.ok_or_else(unknown)?;
    Ok(ApiKeyProof {
        secret_hash: secret_hash.try_into().map_err(StoreError::Unreadable)?,
        roles: roles.parse().map_err(StoreError::Unreadable)?,
    })
}

/// API keys, oldest first.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere, `Unavailable`.
pub(crate) async fn api_keys(database: Database, query: ListApiKeys) -> Result<Page<ApiKey>, Problem> {
    let found = api_keys::table.select((api_keys::id, api_keys::name, api_keys::roles, api_keys::created_at));
    let mut found = found.order(api_keys::id).limit(query.limit.rows()).into_boxed();
    if let Some(ApiKeyId(after)) = read_cursor(query.cursor.as_deref())? {
        found = found.filter(api_keys::id.gt(Key(after)));
    }
    let rows: Vec<(Key, String, String, NaiveDateTime)> =
        found.load(&mut *database.connection().await?).await.map_err(StoreError::from)?;
    let keys = rows.into_iter().map(|(id, name, roles, created_at)| {
        Ok(ApiKey {
            id: ApiKeyId(id.0),
            name: name.try_into().map_err(StoreError::Unreadable)?,
            roles: roles.parse().map_err(StoreError::Unreadable)?,
            created_at: created_at.and_utc(),
        })
    });
    let keys = keys.collect::<Result<_, StoreError>>()?;
    Ok(Page::new(keys, query.limit, |key: &ApiKey| key.id.to_string()))
}
