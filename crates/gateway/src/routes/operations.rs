//! Operations: what became of commands.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contracts::ids::{CommandId, UserId};
use contracts::subjects::headers::POSITION;
use contracts::{Actor, Case, Outcome, OutcomeStatus, Positions, Problem, Service};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::examples;
use crate::gateway::Asking;
use crate::headers::value;
use crate::input::Id;
use crate::instead::{Instead, json};

/// How far a command is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OperationStatus {
    /// It waits to be decided.
    Pending,
    /// It took effect.
    Accepted,
    /// It did not and never will.
    Refused,
}

/// A command and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Operation {
    /// The command.
    id: CommandId,
    /// How far it is.
    status: OperationStatus,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<DateTime<Utc>>,
    /// What it answered, when it was accepted; about users only the id and the version, about bookings only for staff and
    /// whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    result: Option<Box<RawValue>>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Problem>)]
    problem: Option<Box<RawValue>>,
}

impl Operation {
    /// One that waits to be decided.
    pub(crate) fn pending(id: CommandId) -> Self {
        Self { id, status: OperationStatus::Pending, decided_at: None, result: None, problem: None }
    }

    /// As this caller may see it. An id that follows from an `Idempotency-Key` can be guessed.
    fn seen_by(mut self, caller: &Actor, service: Service) -> Self {
        let is_theirs =
            |result: &RawValue| serde_json::from_str(result.get()).is_ok_and(|whose: Whose| caller.is(whose.user_id));
        if service == Service::Bookings && !caller.is_staff() {
            self.result = self.result.filter(|result| is_theirs(result));
        }
        self
    }
}

/// Of a booking, whose it is.
#[derive(Deserialize)]
struct Whose {
    user_id: UserId,
}

impl From<Outcome> for Operation {
    fn from(Outcome { command_id: id, status, body, decided_at, .. }: Outcome) -> Self {
        let decided_at = Some(decided_at);
        match status {
            OutcomeStatus::Accepted => {
                Self { id, status: OperationStatus::Accepted, decided_at, result: Some(body), problem: None }
            }
            OutcomeStatus::Refused => {
                Self { id, status: OperationStatus::Refused, decided_at, result: None, problem: Some(body) }
            }
        }
    }
}

/// Ask what became of a command
///
/// Answers with 202 and 503 name the operation in `Location`. While it waits, its status is `pending`; come back later.
#[utoipa::path(
    get, path = "/api/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::operation()))),
    responses((status = 200, description = "The operation", body = Operation)),
)]
pub(crate) async fn get(asking: Asking, Id(id): Id<CommandId>) -> Result<Response, Instead> {
    let client = &asking.gateway.client;
    // Looked up first: what is decided while the services are asked is no longer waited for afterwards.
    let is_waiting = client.is_waiting(id);
    // Whose command it was cannot be told from its id.
    let answers = join_all(Service::ALL.map(async |service| (service, client.outcome(service, id).await))).await;
    let mut away = None;
    for (service, answer) in answers {
        match answer {
            Ok(Some(outcome)) => {
                let position = Positions::of(service, outcome.position);
                asking.has_seen(&position);
                let position = [(POSITION, value(position.to_string()))];
                let operation = Operation::from(outcome).seen_by(&asking.caller.actor, service);
                return Ok((position, axum::Json(operation)).into_response());
            }
            Ok(None) => {}
            Err(problem) => away = Some(problem),
        }
    }
    if is_waiting {
        let soon = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return Ok((soon, json(StatusCode::OK, "application/json", &Operation::pending(id))).into_response());
    }
    Err(away.unwrap_or_else(|| Problem::new(Case::NotFound, format!("no command {id} is known"))).into())
}
