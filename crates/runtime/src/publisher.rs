//! Publishing commands to one service: one message under way, and whatever gathered meanwhile goes as the next.
//!
//! Under way until its commands are decided: a service decides one batch at a time, so what came sooner would only wait
//! there, and be decided in smaller batches. Most of what a batch costs, it costs however many commands are in it: the
//! broker's sync, the questions to other services, the transaction. Compared with waiting for the broker only, 16 clients
//! that book had 1.3 times the throughput, 64 had 1.2 times. An idle publisher adds no delay.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use bytes::Bytes;
use contracts::message::BatchedCommand;
use contracts::subjects::{BATCH, headers as names};
use contracts::{Case, Problem, Service};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::client::{Order, Unpublished};
use crate::database::backoff;
use crate::waiting::Waiting;
use crate::{broker, headers};

/// Commands in one message.
const BATCH_COMMANDS: usize = 500;
/// Bytes of commands in one message, give or take one command.
const BATCH_BYTES: usize = 1 << 20;
/// Commands that wait for the publish in flight; more wait at the door. How many there can be, the [room](crate::room)
/// says.
const QUEUE: usize = 10_000;
/// How long the next message waits at most for those commands to be decided that went before.
const HOLD: Duration = Duration::from_millis(50);
/// How long is waited for as many commands as went before: whoever has just been told the outcome of one may give
/// another.
const GATHER: Duration = Duration::from_millis(1);
/// How long one acknowledgement may take.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(2);
/// How long a message is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command to publish.
#[derive(Clone)]
pub(crate) struct Publication {
    pub(crate) name: String,
    pub(crate) data: Box<RawValue>,
    pub(crate) order: Order,
}

/// Tells whether the broker took a command.
type Published = oneshot::Sender<Result<(), Unpublished>>;

/// Publishes to one service.
pub(crate) struct Publisher {
    queue: mpsc::Sender<(Publication, Published)>,
}

impl Publisher {
    /// Starts a task of its own, so that a caller who goes away leaves no half-done publish behind. It ends with the
    /// publisher.
    pub(crate) fn start(jetstream: Context, waiting: Waiting, service: Service, source: &str, inbox: &str) -> Self {
        let (queue, commands) = mpsc::channel(QUEUE);
        let (source, inbox) = (source.to_owned(), inbox.to_owned());
        let task = Task { jetstream, waiting, service, source, inbox, commands };
        tokio::spawn(task.run());
        Self { queue }
    }

    /// Returns when the broker has the command.
    pub(crate) async fn publish(&self, publication: Publication) -> Result<(), Unpublished> {
        let (published, result) = oneshot::channel();
        let gone = || Problem::new(Case::Internal, "the publisher has ended");
        self.queue.send((publication, published)).await.map_err(|_| Unpublished::Never(gone()))?;
        result.await.map_err(|_| Unpublished::Perhaps(gone()))?
    }
}

struct Task {
    jetstream: Context,
    waiting: Waiting,
    service: Service,
    source: String,
    inbox: String,
    commands: mpsc::Receiver<(Publication, Published)>,
}

impl Task {
    async fn run(mut self) {
        let mut before = 0;
        loop {
            let decided = Instant::now();
            let Some(first) = self.commands.recv().await else { return };
            let gathered = self.gather(first, before, decided + GATHER).await;
            before = gathered.len();
            let (commands, publishing): (Vec<Publication>, Vec<_>) = gathered.into_iter().unzip();
            let together = self.waiting.together(commands.iter().map(|command| command.order.id));
            let result = self.send(commands).await;
            for published in publishing {
                let _ = published.send(result.clone());
            }
            if result.is_ok() {
                let _ = timeout(HOLD, together.decided()).await;
            }
        }
    }

    /// The first command and those that are there, or come in time as long as there are fewer than `before`.
    async fn gather(
        &mut self,
        first: (Publication, Published),
        before: usize,
        until: Instant,
    ) -> Vec<(Publication, Published)> {
        let mut bytes = first.0.data.get().len();
        let mut gathered = vec![first];
        while gathered.len() < BATCH_COMMANDS && bytes < BATCH_BYTES {
            let next = match self.commands.try_recv() {
                Ok(next) => Some(next),
                Err(_) if gathered.len() < before => timeout_at(until, self.commands.recv()).await.ok().flatten(),
                Err(_) => None,
            };
            let Some(next) = next else { break };
            bytes += next.0.data.get().len();
            gathered.push(next);
        }
        gathered
    }

    /// Commands go as a CloudEvents JSON batch, also one alone: only a batch says who gives each.
    async fn send(&self, commands: Vec<Publication>) -> Result<(), Unpublished> {
        let batch: Vec<BatchedCommand> = commands
            .into_iter()
            .map(|Publication { name, data, order }| BatchedCommand {
                specversion: "1.0".into(),
                id: order.id,
                source: self.source.clone(),
                name,
                actor: order.actor,
                expires: order.expires,
                if_version: order.if_version,
                data,
            })
            .collect();
        let unwritten = |error: serde_json::Error| Problem::new(Case::Internal, error.to_string());
        let payload = serde_json::to_vec(&batch).map_err(|error| Unpublished::Never(unwritten(error)))?;
        self.publish(payload.into()).await
    }

    /// A late acknowledgement is unknown, not failed: the same again, under the same id.
    async fn publish(&self, payload: Bytes) -> Result<(), Unpublished> {
        let message_id = Uuid::now_v7().to_string();
        let headers = headers::map([(names::REPLY_TO, self.inbox.clone()), (names::MESSAGE_ID, message_id)]);
        let begun = Instant::now();
        let (mut tried, mut sent) = (0, false);
        loop {
            // What is sent to a broker that is away would be kept for its return, again with each try.
            let error = if let Err(problem) = broker::check(&self.jetstream.client()) {
                problem.detail
            } else {
                sent = true;
                match timeout(ACKNOWLEDGEMENT, self.try_publish(&headers, &payload)).await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                        let problem = Problem::new(Case::TooLarge, "the command is larger than a message may be");
                        return Err(Unpublished::Never(problem));
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "no acknowledgement in time".to_owned(),
                }
            };
            tried += 1;
            if !sent || begun.elapsed() > PATIENCE {
                tracing::warn!(%error, service = %self.service, tried, "commands could not be published");
                let detail = format!("commands for the {} service cannot be taken at the moment", self.service);
                let problem = Problem::new(Case::Unavailable, detail);
                return Err(if sent { Unpublished::Perhaps(problem) } else { Unpublished::Never(problem) });
            }
            sleep(backoff(tried)).await;
        }
    }

    async fn try_publish(&self, headers: &HeaderMap, payload: &Bytes) -> Result<(), PublishError> {
        let subject = self.service.command(BATCH);
        self.jetstream.publish_with_headers(subject, headers.clone(), payload.clone()).await?.await?;
        Ok(())
    }
}
