//! Dead letters, for admins: looking at them, sending them again, dropping them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contracts::ids::CommandId;
use contracts::page::{Limit, Page, read_cursor};
use contracts::{Actor, Service};
use runtime::letters::Letter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operations::Operation;
use crate::gateway::Asking;
use crate::headers::value;
use crate::input::{Filter, Number};
use crate::instead::{Instead, json};
use crate::listing::Listing;

/// A command that could not be read, or failed again and again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetter {
    /// Its place among all dead letters.
    #[schema(example = 7)]
    id: u64,
    /// Whose command it is.
    service: Service,
    /// Its name; absent for a batch that could not be read at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "place")]
    command: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<CommandId>,
    /// Who gave it: an account with its roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "operator")]
    actor: Option<Actor>,
    /// When it was set aside.
    buried_at: DateTime<Utc>,
    /// Why.
    #[schema(example = "The input is not valid: the payload does not fit: missing field `seats`")]
    reason: String,
    /// How many bytes it has.
    #[schema(example = 120)]
    size: usize,
}

/// The same, with what was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WholeDeadLetter {
    #[serde(flatten)]
    letter: DeadLetter,
    /// What was sent, as text; what is no UTF-8 in it is replaced.
    payload: String,
}

impl From<&Letter> for DeadLetter {
    fn from(letter: &Letter) -> Self {
        Self {
            id: letter.sequence,
            service: letter.service,
            command: letter.command().map(str::to_owned),
            command_id: letter.command_id,
            actor: letter.actor.clone(),
            buried_at: letter.buried_at,
            reason: letter.reason.clone(),
            size: letter.payload.len(),
        }
    }
}

/// Which dead letters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    service: Option<Service>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// List dead letters
///
/// For admins; the oldest come first.
#[utoipa::path(
    get, path = "/api/dead-letters", tag = "dead-letters", operation_id = "list_dead_letters",
    params(("service" = Option<Service>, Query, description = "Only of this service")),
    responses((status = 200, description = "A page of dead letters", body = Listing<DeadLetter>)),
)]
pub(crate) async fn list(asking: Asking, Filter(wanted): Filter<Wanted>) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    let after = read_cursor(wanted.cursor.as_deref())?.unwrap_or_default();
    let Page { items, cursor } = asking.gateway.client.letters(wanted.service, after, wanted.limit).await?;
    Ok(asking.show(Page { items: items.iter().map(DeadLetter::from).collect(), cursor }))
}

/// Get a dead letter
///
/// For admins; with what was sent, which may be personal.
#[utoipa::path(
    get, path = "/api/dead-letters/{id}", tag = "dead-letters", operation_id = "get_dead_letter",
    params(("id" = u64, Path, description = "Which", example = 1)),
    responses((status = 200, description = "The dead letter", body = WholeDeadLetter)),
)]
pub(crate) async fn get(asking: Asking, Number(id): Number) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    let letter = asking.gateway.client.letter(id).await?;
    let payload = String::from_utf8_lossy(&letter.payload).into_owned();
    Ok(axum::Json(WholeDeadLetter { letter: (&letter).into(), payload }).into_response())
}

/// Send a dead letter again
///
/// For admins. The command keeps its id, so that it takes effect once at most, and whoever gave it. The letter is
/// removed; if the command fails again, there is a new one. What could not be read at all is refused with 409.
#[utoipa::path(
    post, path = "/api/dead-letters/{id}/retry", tag = "dead-letters", operation_id = "retry_dead_letter",
    params(("id" = u64, Path, description = "Which", example = 1)),
    responses((status = 202, description = "On its way; `Location` has the operation to ask", body = Operation)),
)]
pub(crate) async fn retry(asking: Asking, Number(id): Number) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    let command = asking.gateway.client.send_again(id).await?;
    tracing::info!(letter = id, %command, by = asking.caller.actor.account(), "a dead letter was sent again");
    let location = [(header::LOCATION, value(format!("/api/operations/{command}")))];
    Ok((location, json(StatusCode::ACCEPTED, "application/json", &Operation::pending(command))).into_response())
}

/// Drop a dead letter
///
/// For admins. It is gone for good.
#[utoipa::path(
    delete, path = "/api/dead-letters/{id}", tag = "dead-letters", operation_id = "drop_dead_letter",
    params(("id" = u64, Path, description = "Which", example = 1)),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn drop(asking: Asking, Number(id): Number) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    asking.gateway.client.drop_letter(id).await?;
    tracing::info!(letter = id, by = asking.caller.actor.account(), "a dead letter was dropped");
    Ok(StatusCode::NO_CONTENT.into_response())
}
