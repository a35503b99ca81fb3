//! Giving commands and asking questions: for the gateway, for services among themselves, and for answered commands.
//!
//! [`Client::publish`] returns when the broker has the command on disk, or when it is decided, whichever comes first;
//! [`Pending::outcome`] waits for what became of it. Outcomes arrive on an inbox of the client's own, many in one message.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, Message, jetstream};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::audit::{AUDIT, AuditEntry, GetAudit};
use contracts::ids::CommandId;
use contracts::message::QueryKind;
use contracts::operations::{GetOperation, OPERATION};
use contracts::page::Page;
use contracts::subjects::headers as names;
use contracts::{Actor, Case, Command, Outcome, Positions, Problem, Query, Service};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::publisher::{Publication, Publisher};
use crate::room::{Bounds, Kind, Room, Taken};
use crate::waiting::Waiting;
use crate::{broker, headers};

/// How long an answer may take: longer than a query waits for its least positions, and then some.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// How long until a question is asked again. Its answer takes a thousandth of that; but what was on its way to a
/// replica that has just stopped or died is answered by nobody, and another one is there.
const AGAIN: Duration = Duration::from_secs(1);

/// Everything about a command but what it says.
#[derive(Clone, Debug)]
pub struct Order {
    /// The command's id; the same id takes effect at most once.
    pub id: CommandId,
    /// Who gives it.
    pub actor: Actor,
    /// The version that the caller saw; another one refuses the command.
    pub if_version: Option<u32>,
    /// After this time it must not take effect any more.
    pub expires: Option<DateTime<Utc>>,
}

/// A connection to the services. Clones share it.
#[derive(Clone)]
pub struct Client {
    nats: async_nats::Client,
    publishers: Arc<HashMap<Service, Publisher>>,
    waiting: Waiting,
    room: Room,
}

/// Why a command was not published.
#[derive(Clone, Debug)]
pub enum Unpublished {
    /// It never left, and nothing will come of it.
    Never(Problem),
    /// The broker did not say that it has it; it may have it all the same.
    Perhaps(Problem),
}

impl From<Unpublished> for Problem {
    fn from(unpublished: Unpublished) -> Self {
        let (Unpublished::Never(problem) | Unpublished::Perhaps(problem)) = unpublished;
        problem
    }
}

/// A command that the broker has, or that is decided.
pub struct Pending {
    outcome: oneshot::Receiver<Outcome>,
    // There is room for another command when nobody waits for this one any more.
    _taken: Taken,
}

impl Pending {
    /// What became of the command; `None` when that's not known in time.
    pub async fn outcome(self, wait: Duration) -> Option<Outcome> {
        timeout(wait, self.outcome).await.ok()?.ok()
    }
}

impl Client {
    /// Subscribes to outcomes and starts one publisher for each service. `source` is named in batches of commands, a
    /// URI reference such as `/marquee/gateway`; `bounds` has how much may be under way.
    ///
    /// # Errors
    /// When the subscription can't be made.
    pub async fn connect(nats: async_nats::Client, source: &str, bounds: Bounds) -> Result<Self, async_nats::Error> {
        let inbox = nats.new_inbox();
        let outcomes = nats.subscribe(inbox.clone()).await?;
        let jetstream = jetstream::new(nats.clone());
        let (waiting, room) = (Waiting::start(outcomes), Room::new(bounds));
        let publisher = |service| Publisher::start(jetstream.clone(), waiting.clone(), service, source, &inbox);
        let publishers = Service::ALL.into_iter().map(|service| (service, publisher(service))).collect();
        Ok(Self { nats, publishers: Arc::new(publishers), waiting, room })
    }

    /// Publishes a command. It's on the broker's disk or decided when this returns, also if the caller stops waiting.
    ///
    /// # Errors
    /// [`Unpublished::Never`] when the broker is away, too much is under way to this service or the command can't be
    /// sent. [`Unpublished::Perhaps`] when the broker doesn't say that it took it; the same id can be tried again.
    pub async fn publish<C: Command>(&self, command: &C, order: Order) -> Result<Pending, Unpublished> {
        let data = serde_json::value::to_raw_value(command).map_err(|error| {
            Unpublished::Never(Problem::new(Case::Internal, format!("the command cannot be written: {error}")))
        })?;
        self.publish_raw(C::SERVICE, C::NAME, data, order).await
    }

    /// Publishes a command that is JSON already.
    pub(crate) async fn publish_raw(
        &self,
        service: Service,
        name: impl Into<String>,
        data: Box<RawValue>,
        order: Order,
    ) -> Result<Pending, Unpublished> {
        broker::check(&self.nats).map_err(Unpublished::Never)?;
        let taken = self.room.take(service, Kind::Command).map_err(Unpublished::Never)?;
        let id = order.id;
        let mut outcome = self.waiting.listen(id, order.expires);
        let Some(publisher) = self.publishers.get(&service) else {
            return Err(Unpublished::Never(Problem::new(Case::Internal, "no such service")));
        };
        let published = tokio::select! {
            biased;
            // It may be decided before the broker has it.
            Ok(known) = &mut outcome => {
                let (tell, outcome) = oneshot::channel();
                let _ = tell.send(known);
                return Ok(Pending { outcome, _taken: taken });
            }
            published = publisher.publish(Publication { name: name.into(), data, order }) => published,
        };
        match published {
            Ok(()) => Ok(Pending { outcome, _taken: taken }),
            Err(unpublished) => {
                self.waiting.forget(id);
                Err(unpublished)
            }
        }
    }

    /// JetStream, as this client reaches it.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when the broker is away.
    pub(crate) fn jetstream(&self) -> Result<jetstream::Context, Problem> {
        broker::check(&self.nats)?;
        Ok(jetstream::new(self.nats.clone()))
    }

    /// True while the connection to the broker stands.
    pub fn is_connected(&self) -> bool {
        broker::check(&self.nats).is_ok()
    }

    /// True while a command that was published here has no outcome and has not expired.
    pub fn is_waiting(&self, id: CommandId) -> bool {
        self.waiting.has(id)
    }

    /// What became of a command; `None` when the service has not decided it, or has never heard of it.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when the service is away.
    pub async fn outcome(&self, service: Service, id: CommandId) -> Result<Option<Outcome>, Problem> {
        let question = GetOperation { command_id: id };
        match self.request(service, service.query(OPERATION), &question, &Positions::default()).await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(problem) if problem.is(Case::NotFound) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Entries of a service's journal; all that this caller was ever told of is among them.
    ///
    /// # Errors
    /// [`Case::InvalidInput`] for a cursor of nowhere; [`Case::Unavailable`] when the service is away.
    pub async fn audit(&self, service: Service, question: &GetAudit) -> Result<Page<AuditEntry>, Problem> {
        self.request(service, service.query(AUDIT), question, &Positions::default()).await
    }

    /// Asks a service. `least` has the positions that the answer must at least come from.
    ///
    /// # Errors
    /// The service's problem; [`Case::Unavailable`] when it's away or too slow.
    pub async fn ask<Q: Query>(&self, query: &Q, least: &Positions) -> Result<Q::Reply, Problem> {
        // Committed state is never behind a position that was handed out.
        let none = Positions::default();
        let least = if Q::KIND == QueryKind::Rpc { &none } else { least };
        self.request(Q::SERVICE, Q::subject(), query, least).await
    }

    async fn request<T: DeserializeOwned>(
        &self,
        service: Service,
        subject: String,
        question: &impl serde::Serialize,
        least: &Positions,
    ) -> Result<T, Problem> {
        let internal = |error: serde_json::Error| Problem::new(Case::Internal, error.to_string());
        let payload = Bytes::from(serde_json::to_vec(question).map_err(internal)?);
        let _taken = self.room.take(service, Kind::Question)?;
        let mut headers = HeaderMap::new();
        if !least.is_empty() {
            headers = headers::map([(names::MIN_POSITION, least.to_string())]);
        }
        // In a box: else whoever may ask carries room for two requests, whether they ask or not. What answers a request for
        // a booking took 13,560 bytes, and takes 2,392.
        let reply = Box::pin(self.answer(subject, headers, payload)).await.map_err(|error| {
            tracing::debug!(%error, %service, "a question was not answered");
            Problem::new(Case::Unavailable, format!("the {service} service does not answer at the moment"))
        })?;
        let unreadable = |error: &serde_json::Error| {
            let kind = error.classify();
            Problem::new(Case::Internal, format!("an answer of the {service} service cannot be read: {kind:?}"))
        };
        match headers::text(reply.headers.as_ref(), async_nats::service::NATS_SERVICE_ERROR_CODE) {
            // Without the words of serde, which may quote what it read.
            None => serde_json::from_slice(&reply.payload).map_err(|error| unreadable(&error)),
            Some(_) => Err(serde_json::from_slice(&reply.payload).unwrap_or_else(|error| unreadable(&error))),
        }
    }

    /// Asks, and once more when no answer comes soon. Questions change nothing, so the answer to either will do.
    async fn answer(&self, subject: String, headers: HeaderMap, payload: Bytes) -> Result<Message, async_nats::Error> {
        let deadline = Instant::now() + PATIENCE;
        let ask = async |patience: Duration| {
            broker::check(&self.nats)?;
            let request = async_nats::Request::new().headers(headers.clone()).payload(payload.clone());
            Ok::<_, async_nats::Error>(self.nats.send_request(subject.clone(), request.timeout(Some(patience))).await?)
        };
        let first = ask(PATIENCE);
        tokio::pin!(first);
        match timeout(AGAIN, &mut first).await {
            Ok(answered) => answered,
            Err(_) => {
                let second = ask(deadline.saturating_duration_since(Instant::now()));
                tokio::select! { answered = first => answered, answered = second => answered }
            }
        }
    }
}
