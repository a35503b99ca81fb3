//! Publishing commands to one service: one publish in flight, and whatever gathered meanwhile goes as one message.
//!
//! A broker that syncs every write then pays one sync for a batch, and an idle publisher adds no delay.

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
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::client::{Order, Unpublished};
use crate::database::backoff;
use crate::{broker, headers};

/// Commands in one message.
const BATCH_COMMANDS: usize = 500;
/// Bytes of commands in one message, give or take one command.
const BATCH_BYTES: usize = 1 << 20;
/// Commands that wait for the publish in flight; more wait at the door. How many there can be, the [room](crate::room)
/// says.
const QUEUE: usize = 10_000;
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
    pub(crate) fn start(jetstream: Context, service: Service, source: &str, inbox: &str) -> Self {
        let (queue, commands) = mpsc::channel(QUEUE);
        let task = Task { jetstream, service, source: source.to_owned(), inbox: inbox.to_owned(), commands };
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
    service: Service,
    source: String,
    inbox: String,
    commands: mpsc::Receiver<(Publication, Published)>,
}

impl Task {
    async fn run(mut self) {
        while let Some(first) = self.commands.recv().await {
            let mut bytes = first.0.data.get().len();
            let mut gathered = vec![first];
            while gathered.len() < BATCH_COMMANDS && bytes < BATCH_BYTES {
                let Ok(next) = self.commands.try_recv() else { break };
                bytes += next.0.data.get().len();
                gathered.push(next);
            }
            let (commands, waiting): (Vec<_>, Vec<_>) = gathered.into_iter().unzip();
            let result = self.send(commands).await;
            for published in waiting {
                let _ = published.send(result.clone());
            }
        }
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
