//! API keys of programs.

use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use contracts::Roles;
use contracts::access::{AddApiKey, ApiKey, KeyName, ListApiKeys, RevokeApiKey};
use contracts::ids::ApiKeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Secret;
use crate::examples;
use crate::gateway::Asking;
use crate::headers::value;
use crate::input::{Filter, Id, Input};
use crate::instead::{Instead, json};
use crate::listing::Listing;
use crate::ordering::Ordering;

/// An API key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiKey {
    /// What it is for: 1 to 100 characters.
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: KeyName,
    /// What the program may be.
    #[schema(value_type = Vec<contracts::Role>, min_items = 1)]
    roles: Roles,
}

/// A new API key, with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// The key itself, to be sent as `Authorization: Bearer <secret>`. It is shown this once.
    #[schema(example = "mqk_…")]
    secret: String,
}

/// Make an API key
///
/// For admins. A program that sends it may do what its roles are for, until it is taken back.
#[utoipa::path(
    post, path = "/api/api-keys", tag = "api-keys", operation_id = "create_api_key",
    request_body(content = NewApiKey, example = json!(examples::new_api_key())),
    responses((status = 201, description = "The new key, with its secret", body = ShownApiKey)),
)]
pub(crate) async fn create(ordering: Ordering, Input(new): Input<NewApiKey>) -> Result<Response, Instead> {
    let ordering = ordering.now();
    ordering.asking.caller.check_admin()?;
    let NewApiKey { name, roles } = new;
    let (id, secret): (ApiKeyId, _) = (ordering.new_id("api-key"), Secret::new(ordering.made_up("api-key")));
    let command = AddApiKey { id: Some(id), name: name.clone(), roles: roles.clone(), secret_hash: secret.hash()? };
    let done = ordering.order(&command).await?;
    let key = ApiKey { id, name, roles, created_at: done.decided_at };
    let shown = json(StatusCode::CREATED, "application/json", &ShownApiKey { key, secret: secret.key(id) });
    let mut headers = done.headers;
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LOCATION, value(format!("/api/api-keys/{id}")));
    Ok((headers, shown).into_response())
}

/// List API keys
///
/// For admins; without their secrets, which nobody has. Ordered by id.
#[utoipa::path(
    get, path = "/api/api-keys", tag = "api-keys", operation_id = "list_api_keys",
    responses((status = 200, description = "A page of API keys", body = Listing<ApiKey>)),
)]
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListApiKeys>) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    asking.page(&query).await
}

/// Take an API key back
///
/// For admins. From now on it opens nothing.
#[utoipa::path(
    delete, path = "/api/api-keys/{id}", tag = "api-keys", operation_id = "delete_api_key",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::api_key()))),
    responses((status = 204, description = "The key is no good any more")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<ApiKeyId>) -> Result<Response, Instead> {
    ordering.asking.caller.check_admin()?;
    Ok(ordering.order(&RevokeApiKey { id }).await?.gone())
}
