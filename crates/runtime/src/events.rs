//! Reading an event stream from a position on. The sequence is the journal's position, so nobody has to keep more than
//! a number, and the broker holds no state for it: what is read is in order and without holes, or there is trouble.

use std::time::Duration;

use async_nats::datetime::parse_rfc3339;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{Context, Message};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::Service;
use futures_util::stream::ReadyChunks;
use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::streams::{HEARTBEAT, PULL};
use crate::{broker, cloud_events};

/// Events that are asked for at once. Each is some 40 pieces of memory, which are dear once they are out of the processor's
/// cache: with 1000, a projection that is made anew took 0.9 times as many events a second.
const EVENTS: usize = 512;
/// How long the broker keeps a consumer that nobody reads from any more.
const ABANDONED: Duration = Duration::from_secs(2);

/// An event as it is told, whatever it says.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its place in its service's journal.
    pub position: u64,
    /// Such as `booking-placed.v1`.
    pub event_type: String,
    /// The thing that it happened to.
    pub entity: Uuid,
    /// When it was decided.
    pub recorded_at: DateTime<Utc>,
    /// What it says, JSON.
    pub data: Bytes,
    /// All of it, as the JSON of a [`LiveEvent`](contracts::message::LiveEvent); `None` where what it says is not JSON.
    pub json: Option<Bytes>,
}

/// The first and the last position that a service's stream has; the first is one more than the last when it has none.
///
/// # Errors
/// When the broker is away, or has no such stream yet.
pub async fn bounds(jetstream: &Context, service: Service) -> Result<(u64, u64), async_nats::Error> {
    broker::check(&jetstream.client())?;
    let stream = jetstream.get_stream(service.events_stream()).await?;
    let state = &stream.cached_info().state;
    Ok((state.first_sequence.max(1), state.last_sequence))
}

/// At most `most` events behind `position`, in order: those that are there, without waiting for more.
///
/// # Errors
/// When the broker is away, or a hole is in the way.
pub async fn batch(
    jetstream: &Context,
    service: Service,
    mut position: u64,
    most: usize,
) -> Result<Vec<Published>, async_nats::Error> {
    let messages = fetch(jetstream, service, from(position), most).await?;
    for message in &messages {
        position = in_order(message, position)?;
    }
    Ok(messages.iter().map(cloud_events::published).collect::<Result<_, _>>()?)
}

/// The position in front of the first event that the broker has got since then; `None` when it has got none.
///
/// # Errors
/// When the broker is away.
pub async fn position_at(
    jetstream: &Context,
    service: Service,
    time: DateTime<Utc>,
) -> Result<Option<u64>, async_nats::Error> {
    let start_time = parse_rfc3339(&time.to_rfc3339())?;
    let messages = fetch(jetstream, service, DeliverPolicy::ByStartTime { start_time }, 1).await?;
    let first = messages.first().map(Message::info).transpose()?;
    Ok(first.map(|info| info.stream_sequence - 1))
}

async fn fetch(
    jetstream: &Context,
    service: Service,
    deliver_policy: DeliverPolicy,
    most: usize,
) -> Result<Vec<Message>, async_nats::Error> {
    let consumer = consumer(jetstream, service, deliver_policy).await?;
    consumer.fetch().max_messages(most).messages().await?.try_collect().await
}

/// One that nobody else knows of, and that goes by itself.
async fn consumer(
    jetstream: &Context,
    service: Service,
    deliver_policy: DeliverPolicy,
) -> Result<PullConsumer, async_nats::Error> {
    broker::check(&jetstream.client())?;
    let stream = jetstream.get_stream_no_info(service.events_stream()).await?;
    let config = pull::Config {
        deliver_policy,
        ack_policy: AckPolicy::None,
        inactive_threshold: ABANDONED,
        memory_storage: true,
        ..pull::Config::default()
    };
    Ok(stream.create_consumer(config).await?)
}

fn from(position: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence: position + 1 }
}

/// The message's position, which must be the one behind `position`: a hole or a step back is trouble.
fn in_order(message: &Message, position: u64) -> Result<u64, async_nats::Error> {
    let (found, due) = (message.info()?.stream_sequence, position + 1);
    if found == due { Ok(due) } else { Err(format!("event {found} came where {due} was due").into()) }
}

/// Reads a service's events from a position on.
pub(crate) struct Reader {
    chunks: ReadyChunks<pull::Stream>,
    position: u64,
}

impl Reader {
    /// Starts behind `position`.
    ///
    /// # Errors
    /// When the broker is away, or has no such stream yet.
    pub(crate) async fn open(jetstream: &Context, service: Service, position: u64) -> Result<Self, async_nats::Error> {
        // Not the library's ordered consumer, which makes itself anew for as long as it takes, with pauses of 10 s, when
        // its stream is gone, and wants to delete the one before; here whoever reads starts anew.
        let consumer = consumer(jetstream, service, from(position)).await?;
        let messages = consumer.stream().max_messages_per_batch(EVENTS).expires(PULL).heartbeat(HEARTBEAT);
        Ok(Self { chunks: messages.messages().await?.ready_chunks(EVENTS), position })
    }

    /// The position of the last event that was read.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The events that are there, at least one: waits for it. Cancelling loses none.
    ///
    /// # Errors
    /// Whatever is in the way, after which this reader is of no more use. Nothing is skipped.
    pub(crate) async fn next(&mut self) -> Result<Vec<Message>, async_nats::Error> {
        let chunk = self.chunks.next().await.ok_or("the subscription ended")?;
        let mut messages = Vec::with_capacity(chunk.len());
        for message in chunk {
            let message = message?;
            self.position = in_order(&message, self.position)?;
            messages.push(message);
        }
        Ok(messages)
    }
}
