//! Giving commands and asking questions: for the gateway, for services among themselves, and for answered commands.
//!
//! [`Client::publish`] returns when the broker has the command on disk; [`Pending::outcome`] waits for what became of
//! it. Outcomes arrive on an inbox of the client's own, many in one message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::audit::{AUDIT, AuditEntry, GetAudit};
use contracts::ids::CommandId;
use contracts::message::QueryKind;
use contracts::operations::{GetOperation, OPERATION};
use contracts::page::Page;
use contracts::subjects::headers as names;
use contracts::{Actor, Case, Command, Outcome, Positions, Problem, Query, Service};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};

use crate::headers;
use crate::publisher::{Publication, Publisher};

/// How long an answer may take: longer than a query waits for its least positions, and then some.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often commands that expired without a word are forgotten.
const SWEEP: Duration = Duration::from_secs(5);

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
}

/// Commands without an outcome yet: who waits for it, and when there's none to wait for any more.
type Waiting = Arc<Mutex<HashMap<CommandId, Awaited>>>;

struct Awaited {
    listeners: Vec<oneshot::Sender<Outcome>>,
    expires: Option<DateTime<Utc>>,
}

/// A command that the broker has.
pub struct Pending {
    outcome: oneshot::Receiver<Outcome>,
}

impl Pending {
    /// What became of the command; `None` when that's not known in time.
    pub async fn outcome(self, wait: Duration) -> Option<Outcome> {
        timeout(wait, self.outcome).await.ok()?.ok()
    }
}

impl Client {
    /// Subscribes to outcomes and starts one publisher for each service. `source` is named in batches of commands, a
    /// URI reference such as `/marquee/gateway`.
    ///
    /// # Errors
    /// When the subscription can't be made.
    pub async fn connect(nats: async_nats::Client, source: &str) -> Result<Self, async_nats::Error> {
        let inbox = nats.new_inbox();
        let outcomes = nats.subscribe(inbox.clone()).await?;
        let jetstream = jetstream::new(nats.clone());
        let publishers = Service::ALL
            .into_iter()
            .map(|service| (service, Publisher::start(jetstream.clone(), service, source, &inbox)))
            .collect();
        let waiting = Waiting::default();
        tokio::spawn(receive(outcomes, Arc::downgrade(&waiting)));
        Ok(Self { nats, publishers: Arc::new(publishers), waiting })
    }

    /// Publishes a command. It's on the broker's disk when this returns, also if the caller stops waiting.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when the broker doesn't take it; whether it did all the same is unknown, and the same id
    /// can be tried again.
    pub async fn publish<C: Command>(&self, command: &C, order: Order) -> Result<Pending, Problem> {
        let data = serde_json::value::to_raw_value(command)
            .map_err(|error| Problem::new(Case::Internal, format!("the command cannot be written: {error}")))?;
        self.publish_raw(C::SERVICE, C::NAME, data, order).await
    }

    /// Publishes a command that is JSON already.
    pub(crate) async fn publish_raw(
        &self,
        service: Service,
        name: impl Into<String>,
        data: Box<RawValue>,
        order: Order,
    ) -> Result<Pending, Problem> {
        let (id, expires) = (order.id, order.expires);
        let (listener, outcome) = oneshot::channel();
        self.listen(id, expires, listener);
        let published = match self.publishers.get(&service) {
            Some(publisher) => publisher.publish(Publication { name: name.into(), data, order }).await,
            None => Err(Problem::new(Case::Internal, "no such service")),
        };
        match published {
            Ok(()) => Ok(Pending { outcome }),
            Err(problem) => {
                self.lock().remove(&id);
                Err(problem)
            }
        }
    }

    /// JetStream, as this client reaches it.
    pub(crate) fn jetstream(&self) -> jetstream::Context {
        jetstream::new(self.nats.clone())
    }

    /// True while a command that was published here has no outcome and has not expired.
    pub fn is_waiting(&self, id: CommandId) -> bool {
        self.lock().get(&id).is_some_and(|awaited| !awaited.is_over(Utc::now()))
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
        let mut request = async_nats::Request::new().payload(payload).timeout(Some(PATIENCE));
        if !least.is_empty() {
            request = request.headers(headers::map([(names::MIN_POSITION, least.to_string())]));
        }
        let reply = self.nats.send_request(subject, request).await.map_err(|error| {
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

    fn listen(&self, id: CommandId, expires: Option<DateTime<Utc>>, listener: oneshot::Sender<Outcome>) {
        let mut waiting = self.lock();
        let awaited = waiting.entry(id).or_insert(Awaited { listeners: Vec::new(), expires });
        awaited.listeners.push(listener);
        awaited.expires = expires;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CommandId, Awaited>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires < now)
    }
}

/// Hands outcomes to those who wait for them, until the last client is gone.
async fn receive(mut messages: async_nats::Subscriber, waiting: std::sync::Weak<Mutex<HashMap<CommandId, Awaited>>>) {
    let mut sweep = interval(SWEEP);
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            _ = sweep.tick() => None,
        };
        let Some(waiting) = waiting.upgrade() else { return };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(message) = message else {
            let now = Utc::now();
            waiting.retain(|_, awaited| !awaited.is_over(now));
            continue;
        };
        match serde_json::from_slice::<Vec<Outcome>>(&message.payload) {
            Ok(outcomes) => outcomes.into_iter().for_each(|outcome| tell(&mut waiting, outcome)),
            Err(error) => tracing::warn!(%error, "outcomes that cannot be read"),
        }
    }
}

fn tell(waiting: &mut HashMap<CommandId, Awaited>, outcome: Outcome) {
    for listener in waiting.remove(&outcome.command_id).into_iter().flat_map(|awaited| awaited.listeners) {
        // Whoever has stopped waiting can still ask for it.
        let _ = listener.send(outcome.clone());
    }
}
