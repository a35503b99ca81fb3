//! The streams and consumers that a service needs, made when they're missing: at the start, and again after the broker
//! lost its store.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{CreateStreamError, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{
    Config, ConsumerLimits, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{Context, ErrorCode};
use contracts::Service;
use contracts::subjects::{ALL_DEAD_LETTERS, COMMANDS_CONSUMER, DEAD_LETTERS_STREAM};

/// How long a delivered command may go without a word. Short, because a killed service's commands wait for it;
/// a slower batch sends progress signals.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(2);

/// How often the broker says that a consumer is still there while it has nothing for it. A consumer that is not heard of
/// for twice as long is gone: the broker was restarted, or the stream was thrown away.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long the broker waits for something to hand out, until it has to be asked again.
pub(crate) const PULL: Duration = Duration::from_secs(30);

/// Bytes of commands that may wait for one service; the broker refuses further ones. More than a million commands.
const WAITING_BYTES: i64 = 1 << 30;

/// How far back the broker looks for a message id. The outcomes table is what makes repeats harmless; this only spares
/// it the repeats of a publisher that did not see its acknowledgement.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(30);

/// A subscriber's durable consumer that nobody has read from for this long is forgotten, so that those which were left
/// behind don't stay for ever.
const FORGOTTEN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The stream of this name; `None` when there is none.
///
/// # Errors
/// When the broker is away.
pub async fn existing_stream(jetstream: &Context, name: &str) -> Result<Option<Stream>, GetStreamError> {
    match jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(refusal) if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            _ => Err(error),
        },
    }
}

/// The service's commands: each waits until it has been decided.
pub(crate) async fn commands(jetstream: &Context, service: Service) -> Result<Stream, CreateStreamError> {
    jetstream
        .get_or_create_stream(Config {
            name: service.commands_stream().into(),
            description: Some(format!("Commands that wait for the {service} service")),
            subjects: vec![service.all_commands()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            duplicate_window: DUPLICATE_WINDOW,
            max_bytes: WAITING_BYTES,
            discard: DiscardPolicy::New,
            ..Config::default()
        })
        .await
}

/// The one durable consumer of the service's commands; replicas share it. In the broker's memory: what is acknowledged is
/// gone from the stream, so there is nothing to keep, and a broker that was started again delivers all that is there. On
/// disk, with a sync for every few acknowledgements, one client that books had 0.93 times the throughput.
pub(crate) async fn commands_consumer(stream: &Stream) -> Result<PullConsumer, async_nats::Error> {
    let config = pull::Config {
        durable_name: Some(COMMANDS_CONSUMER.into()),
        description: Some("Decides commands".into()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: 10_000,
        memory_storage: true,
        ..pull::Config::default()
    };
    let consumer = stream.get_or_create_consumer(COMMANDS_CONSUMER, config.clone()).await?;
    if consumer.cached_info().config.memory_storage {
        return Ok(consumer);
    }
    // Of an earlier version, which kept it on disk.
    stream.delete_consumer(COMMANDS_CONSUMER).await?;
    Ok(stream.get_or_create_consumer(COMMANDS_CONSUMER, config).await?)
}

/// The service's events. `first` is the journal's oldest position: without it a trimmed journal would be written to
/// sequence 1 and on, beside the sequences that its events have. Asynchronous persistence is safe here, because the
/// journal is the truth and the relay writes back what the broker lost.
pub(crate) async fn events(jetstream: &Context, service: Service, first: u64) -> Result<Stream, CreateStreamError> {
    jetstream
        .get_or_create_stream(Config {
            name: service.events_stream().into(),
            description: Some(format!("What happened in the {service} service; sequence = position in its journal")),
            subjects: vec![service.all_events()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            persist_mode: Some(PersistenceMode::Async),
            first_sequence: (first > 1).then_some(first),
            allow_direct: true,
            consumer_limits: Some(ConsumerLimits { inactive_threshold: FORGOTTEN, max_ack_pending: 0 }),
            ..Config::default()
        })
        .await
}

/// What could not be decoded, or failed again and again, kept for so long. A stream that exists keeps what it was made
/// with: only the provisioner may change it.
pub(crate) async fn dead_letters(jetstream: &Context, keep: Duration) -> Result<Stream, CreateStreamError> {
    jetstream
        .get_or_create_stream(Config {
            name: DEAD_LETTERS_STREAM.into(),
            description: Some("Commands that could not be decoded, or failed again and again".into()),
            subjects: vec![ALL_DEAD_LETTERS.into()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            max_age: keep,
            ..Config::default()
        })
        .await
}
