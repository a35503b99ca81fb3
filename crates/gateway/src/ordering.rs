//! Giving a command on behalf of a request, and waiting for what becomes of it.
//!
//! Without `Prefer`, a command expires when the caller stops waiting, so the answer is final: it took effect, it was
//! refused, or (503) it never will; unless the service can't be asked then, which is a 503 that says so. With
//! `Prefer: wait` or `respond-async` it has an hour, and the answer may be 202 with the address of the operation.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{CommandId, derive_id};
use contracts::subjects::headers::POSITION;
use contracts::{Actor, Case, Command, Outcome, Positions, Problem, Query, Service};
use runtime::client::{Order, Unpublished};
use uuid::Uuid;

use crate::created::{command_id, created_id};
use crate::done::Done;
use crate::gateway::{Asking, Gateway, Shared};
use crate::headers::{IfMatch, Prefer, idempotency_key, list, value};
use crate::instead::{Instead, json};
use crate::representation::Representation;
use crate::routes::operations::Operation;

/// How long a command may wait whose caller accepts to be told later.
const LATER: TimeDelta = TimeDelta::hours(1);
/// How long after a command has expired its outcome is asked for: services' clocks are not quite alike.
const GRACE: Duration = Duration::from_secs(1);

/// A request, as far as it gives a command.
pub(crate) struct Ordering {
    pub(crate) asking: Asking,
    id: CommandId,
    /// The id follows from an `Idempotency-Key`, so this may be a repeat.
    keyed: bool,
    prefer: Prefer,
    if_match: IfMatch,
}

impl FromRequestParts<Gateway> for Ordering {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Instead> {
        let asking = Asking::from_request_parts(parts, gateway).await?;
        let key = idempotency_key(&parts.headers)?;
        let account = asking.caller.actor.account();
        let id = key.as_ref().map(|key| command_id(&account, parts.method.as_str(), parts.uri.path(), key));
        Ok(Self {
            keyed: id.is_some(),
            id: id.unwrap_or_default(),
            prefer: Prefer::parse(&list(&parts.headers, "prefer").unwrap_or_default()),
            if_match: IfMatch::parse(&parts.headers),
            asking,
        })
    }
}

impl Ordering {
    /// The id of the thing (`user`, `booking`, …) that the request creates; a repeat of the request names the same.
    pub(crate) fn new_id<T: From<Uuid>>(&self, thing: &str) -> T {
        created_id(self.id, thing).into()
    }

    /// 32 bytes that follow from the command, so that a repeat of the request makes up the same; nobody else can tell.
    pub(crate) fn made_up(&self, purpose: &str) -> [u8; 32] {
        self.asking.gateway.secrets.derive(purpose, self.id.0.as_bytes())
    }

    /// The same request, waited for whatever `Prefer` says: its answer has what nobody is told later.
    pub(crate) fn now(mut self) -> Self {
        self.prefer = Prefer::default();
        self
    }

    /// The same, given by somebody who has just proven who they are.
    pub(crate) fn now_as(mut self, actor: Actor) -> Self {
        self.asking.caller.actor = actor;
        self.now()
    }

    /// Whether this very request was decided before.
    pub(crate) async fn is_repeat(&self, service: Service) -> bool {
        self.repeatable(service).await.1
    }

    /// Gives a command and waits for its outcome.
    pub(crate) async fn order<C: Command>(&self, command: &C) -> Result<Done<C::Answer>, Instead> {
        self.order_at(command, None).await
    }

    /// The same for a command that changes what `current` asks for, on the condition of `If-Match`.
    pub(crate) async fn change<C, Q>(&self, command: &C, current: &Q) -> Result<Done<C::Answer>, Instead>
    where
        C: Command,
        Q: Query,
        Q::Reply: Representation,
    {
        // No thing has version 0, so naming it is refused as it should be: with 404 or 412.
        let if_version = match &self.if_match {
            IfMatch::Any => None,
            IfMatch::Versions(versions) => Some(match versions.as_slice() {
                [] => 0,
                [version] => *version,
                several => {
                    let version = self.asking.ask(current).await?.version();
                    if several.contains(&version) { version } else { 0 }
                }
            }),
        };
        self.order_at(command, if_version).await
    }

    async fn order_at<C: Command>(&self, command: &C, if_version: Option<u32>) -> Result<Done<C::Answer>, Instead> {
        let now = Utc::now();
        let deadline = now + self.prefer.wait();
        let expires = if self.prefer.accepts_later() { now + LATER } else { deadline };
        let (id, _) = self.repeatable(C::SERVICE).await;
        if self.keyed && self.asking.gateway.client.is_waiting(id) {
            return Err(Problem::new(Case::StillRunning, "the request with this Idempotency-Key is running").into());
        }
        let actor = self.asking.caller.actor.clone();
        let order = Order { id, actor, if_version, expires: Some(expires) };
        let outcome = self.outcome(command, order, deadline).await?;
        self.done::<C>(outcome)
    }

    /// The id under which the request is to be carried out, and whether it was before. When earlier ones with the same key
    /// expired before they were decided, nothing came of them, and that is final for their commands; so this is the next one.
    async fn repeatable(&self, service: Service) -> (CommandId, bool) {
        let mut id = self.id;
        while self.keyed
            && let Ok(Some(outcome)) = self.asking.gateway.client.outcome(service, id).await
        {
            if !has_expired(outcome) {
                return (id, true);
            }
            id = CommandId(derive_id(id.0, "again"));
        }
        (id, false)
    }

    /// Publishes the command and waits until it's decided or there is no time left.
    async fn outcome<C: Command>(
        &self,
        command: &C,
        order: Order,
        deadline: DateTime<Utc>,
    ) -> Result<Outcome, Instead> {
        let Shared { client, shutdown, .. } = &*self.asking.gateway;
        let id = order.id;
        let problem = match client.publish(command, order).await {
            Ok(pending) => {
                let outcome = tokio::select! {
                    outcome = pending.outcome(until(deadline)) => outcome,
                    () = self.asking.gateway.closing() => None,
                };
                match outcome {
                    Some(outcome) => return Ok(outcome),
                    None if self.prefer.accepts_later() || shutdown.is_cancelled() => return Err(self.accepted(id)),
                    None => Problem::new(Case::Unavailable, "it could not be decided in time, and will not be"),
                }
            }
            Err(Unpublished::Never(problem)) => return Err(problem.into()),
            // Whether the broker has it is unknown, and with an hour to live it may still take effect.
            Err(Unpublished::Perhaps(problem)) if self.prefer.accepts_later() => {
                return Err(at_operation(problem.into(), id));
            }
            Err(Unpublished::Perhaps(problem)) => problem,
        };
        // Once it has expired, what is not decided never will be; the word of what was may have been lost on the way.
        tokio::time::sleep(until(deadline) + GRACE).await;
        match client.outcome(C::SERVICE, id).await {
            Ok(Some(outcome)) => Ok(outcome),
            Ok(None) => Err(at_operation(problem.into(), id)),
            Err(_) => {
                let problem =
                    Problem::new(Case::Unavailable, "whether it was done is not known yet; its operation tells");
                Err(at_operation(problem.into(), id))
            }
        }
    }

    /// What an outcome means for the request. Whoever is told of it will read nothing older.
    fn done<C: Command>(&self, outcome: Outcome) -> Result<Done<C::Answer>, Instead> {
        let position = Positions::of(C::SERVICE, outcome.position);
        self.asking.has_seen(&position);
        let mut headers = self.applied();
        headers.insert(POSITION, value(position.to_string()));
        let (id, decided_at) = (outcome.command_id, outcome.decided_at);
        match outcome.into_result() {
            Ok(answer) => Ok(Done { answer, decided_at, headers }),
            Err(problem) => {
                let expired = problem.is(Case::Unavailable);
                let instead = Instead::from(problem).with(headers);
                Err(if expired { at_operation(instead, id) } else { instead })
            }
        }
    }

    /// 202: the broker has the command on disk, and its outcome can be asked for.
    fn accepted(&self, id: CommandId) -> Instead {
        let body = json(StatusCode::ACCEPTED, "application/json", &Operation::pending(id));
        at_operation(Instead::of(body).with(self.applied()), id)
    }

    /// RFC 7240's header of the response.
    fn applied(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(applied) = self.prefer.applied() {
            headers.insert("Preference-Applied", value(applied));
        }
        headers
    }
}

fn at_operation(instead: Instead, id: CommandId) -> Instead {
    instead.with([(header::LOCATION, value(format!("/api/operations/{id}")))])
}

/// True for a command that was not decided before it expired.
fn has_expired(outcome: Outcome) -> bool {
    outcome.into_result::<serde::de::IgnoredAny>().is_err_and(|problem| problem.is(Case::Unavailable))
}

/// How long it is until then; nothing when that is over.
pub(crate) fn until(time: DateTime<Utc>) -> Duration {
    (time - Utc::now()).to_std().unwrap_or_default()
}
