//! The command loop: take what was heard or comes from the stream, a [`batch`](crate::batch) at a time. Whatever arrives
//! meanwhile is the next one, so batches grow with the load.
//!
//! A command is acknowledged only after COMMIT, when the next one comes. A refusal is an outcome, and committed. Trouble
//! with the store or with a peer is not: the command stays and is tried again until it expires. A batch that fails is tried
//! again command by command, so that one bad command harms no other; what fails alone again and again becomes a dead letter.

use std::mem::{replace, take};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{MessagesError, MessagesErrorKind};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{AckKind, Message};
use contracts::CommandSet;
use contracts::subjects::COMMANDS_CONSUMER;
use futures_util::{FutureExt, StreamExt, stream};
use metrics::counter;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::batch::{LONGEST_PAUSE, Prepared, Taken};
use crate::broker::Connection;
use crate::cache::Cache;
use crate::database::{Database, backoff};
use crate::dead_letters::DeadLetters;
use crate::domain::{Around, Domain, Memory};
use crate::early::{self, Early, Heard, Was};
use crate::handover::Handover;
use crate::health::{Check, Pulse};
use crate::intake::{self, Intake};
use crate::lease::Lease;
use crate::streams::{HEARTBEAT, PULL};
use crate::{figures, streams};

/// Messages taken at once; each may be a batch of its own.
const MESSAGES: usize = 64;
/// More messages than this in the stream are such as wait, not such as several gateways have just published.
const BACKLOG: u64 = 8;
/// Commands decided in one transaction, give or take one message.
const COMMANDS: usize = 2000;
/// How long what was decided waits at most to be acknowledged, which is done when the next comes. A broker that syncs every
/// write takes 0.9 ms to empty a stream: it makes a new file, syncs it, and deletes the one before, and takes no command
/// meanwhile. While another command is there, it writes a mark, on which nobody waits.
const ACKNOWLEDGE: Duration = Duration::from_millis(100);

/// How often to give a sign of life while nothing comes.
const TICK: Duration = Duration::from_secs(1);
/// How long none may come: longer than the longest batch takes whose store and peers answer at all.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What the loop works with.
pub(crate) struct CommandLoop<D: Domain> {
    pub(crate) around: Around,
    /// Where batches are decided, one at a time.
    pub(crate) writing: Database,
    pub(crate) lease: Lease,
    pub(crate) jetstream: async_nats::jetstream::Context,
    pub(crate) handover: Arc<Handover>,
    pub(crate) health: Check,
    pub(crate) pulse: Pulse,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) cache: Arc<Mutex<Cache<D>>>,
    /// What other services said.
    pub(crate) memory: Memory<D>,
    /// Batches in a row of which nothing could be decided.
    pub(crate) stalled: AtomicU32,
}

impl<D: Domain> CommandLoop<D> {
    /// Runs until `shutdown`; a batch that has been taken is finished first.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            self.pulse.beat();
            match self.consume(&shutdown).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    self.health.trouble(failures, &format!("no commands can be taken: {error}"));
                    tokio::select! { () = sleep(backoff(failures)) => {}, () = shutdown.cancelled() => {} }
                }
            }
        }
    }

    /// Takes commands until the consumer has trouble.
    async fn consume(&self, shutdown: &CancellationToken) -> Result<(), async_nats::Error> {
        let service = D::Command::SERVICE;
        // Before there is anything to put into it: who looks for dead letters should find none, not an error.
        self.dead_letters.stream().await?;
        let stream = streams::commands(&self.jetstream, service).await?;
        let created = created_at(&stream);
        let consumer = streams::commands_consumer(&stream).await?;
        // Not sooner: what is asked above waits while the broker is away, and is answered on the next connection.
        let mut connection = Connection::of(self.jetstream.client());
        // First, so that what comes from the stream was heard, unless another replica has heard it.
        let (around, cache, memory) = (self.around.clone(), Arc::clone(&self.cache), Arc::clone(&self.memory));
        let mut early = Early::listen(&self.jetstream.client(), around, cache, memory).await?;
        if consumer.cached_info().num_pending > 0 {
            early.rest();
        }
        let messages = consumer.stream().max_messages_per_batch(MESSAGES).expires(PULL).heartbeat(HEARTBEAT);
        let messages = messages.messages().await?;
        let mut chunks = messages.ready_chunks(MESSAGES);
        self.health.set(Ok(()));
        let mut ticks = interval(TICK);
        // What may have been decided by another replica, since when; and what is decided here.
        let mut left: Vec<(Instant, Message)> = Vec::new();
        let mut done: Vec<Message> = Vec::new();
        let mut acknowledge = Instant::now();
        loop {
            self.pulse.beat();
            let (mut chunk, mut heard) = (Vec::new(), Vec::new());
            tokio::select! {
                () = shutdown.cancelled() => {
                    connection.acknowledge(&done).await?;
                    let left = left.into_iter().map(|(_, message)| Ok(message)).collect();
                    return give_back(stream::iter([left]).chain(chunks)).await;
                }
                came = early.next() => heard = came,
                came = chunks.next() => chunk = came.ok_or("the subscription ended")?,
                () = sleep_until(acknowledge), if !done.is_empty() => {}
                () = sleep(early::LEFT), if !left.is_empty() => {}
                _ = ticks.tick() => {}
            }
            // What came on a connection that is gone is decided all the same, and comes again: nobody can acknowledge it now,
            // and what was told may have been lost with it.
            let broken = !connection.stands();
            if broken {
                early.forget();
            }
            while broken && let Some(Some(more)) = chunks.next().now_or_never() {
                chunk.extend(more);
            }
            self.decide_heard(&mut early, heard, !broken).await?;
            let Sorted { to_decide: mut messages, mut finished, trouble } = sort(&mut early, &mut left, chunk, broken);
            messages.iter().for_each(|message| early.taken(message));
            if messages.last().is_some_and(waited) {
                early.rest();
            }
            let mut decided = self.work_through(&messages, created).await?.into_iter();
            messages.retain(|_| decided.next() == Some(true));
            finished.append(&mut messages);
            if !finished.is_empty() || acknowledge <= Instant::now() {
                connection.acknowledge(&replace(&mut done, finished)).await?;
                acknowledge = Instant::now() + ACKNOWLEDGE;
            }
            if let Some(error) = trouble {
                return Err(error.into());
            }
            if broken && connection.renew() {
                done.clear();
                // Others may wait in the stream that came meanwhile. The subscription is kept, which the client has renewed:
                // what is on its way to it would only come again after a while.
                early.rest();
                // Unless the broker was started again, or its store thrown away.
                let stream = streams::commands(&self.jetstream, service).await?;
                if created_at(&stream) != created || stream.consumer_info(COMMANDS_CONSUMER).await.is_err() {
                    return Ok(());
                }
            }
            // However many commands wait: while none can be decided, they are tried a batch now and then.
            let stalled = self.stalled.load(Ordering::Relaxed);
            if stalled > 0 {
                let _ = timeout(backoff(stalled.min(LONGEST_PAUSE)), shutdown.cancelled()).await;
            }
        }
    }

    /// Works on messages, telling the broker all the while that it has not been forgotten. Which of them are done with?
    /// The others have been given back.
    async fn work_through(&self, messages: &[Message], stream_created: i128) -> Result<Vec<bool>, async_nats::Error> {
        let work = async {
            let mut rest = messages;
            let mut done = Vec::with_capacity(messages.len());
            while !rest.is_empty() {
                let mut taken = Vec::new();
                let mut commands = 0;
                for message in rest {
                    if commands >= COMMANDS {
                        break;
                    }
                    let intake = intake::read(message, stream_created, message.info()?.stream_sequence);
                    commands += intake.commands.len();
                    taken.push(Taken { message: Some(message), intake, asked: false, ahead: None });
                }
                rest = rest.split_at_checked(taken.len()).map_or(&[], |(_, rest)| rest);
                done.extend(self.batch(taken).await?);
                self.pulse.beat();
            }
            Ok(done)
        };
        let mut progress = interval(streams::ACK_WAIT / 2);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        progress.reset();
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = progress.tick() => {
                    for message in messages {
                        message.ack_with(AckKind::Progress).await?;
                    }
                }
            }
        }
    }

    /// Decides what was heard, up to what can't be read. Nothing, while nothing can be decided, or not in order.
    async fn decide_heard(
        &self,
        early: &mut Early<D>,
        heard: Vec<Heard<D>>,
        mut in_order: bool,
    ) -> Result<(), async_nats::Error> {
        let mut heard = heard.into_iter();
        in_order &= self.stalled.load(Ordering::Relaxed) == 0;
        while in_order && heard.len() > 0 {
            let (mut ids, mut taken, mut commands) = (Vec::new(), Vec::new(), 0);
            while commands < COMMANDS
                && let Some(one) = heard.next()
            {
                let Some(Prepared { waiting, ahead, asked }) = one.commands.prepared().await else {
                    early.note(&one.id, false);
                    in_order = false;
                    break;
                };
                commands += waiting.len();
                let intake = Intake { commands: waiting, rejected: Vec::new(), reply_to: one.reply_to };
                taken.push(Taken { message: None, intake, asked, ahead });
                ids.push(one.id);
            }
            let done = self.batch(taken).await?;
            let all = done.iter().all(|done| *done);
            if all {
                counter!(figures::EARLY).increment(commands as u64);
            }
            in_order &= all;
            ids.iter().zip(done).for_each(|(id, done)| early.note(id, done));
            self.pulse.beat();
        }
        heard.for_each(|left| early.note(&left.id, false));
        Ok(())
    }
}

/// Messages from the stream.
#[derive(Default)]
struct Sorted {
    to_decide: Vec<Message>,
    /// Those that were decided when they were heard.
    finished: Vec<Message>,
    trouble: Option<MessagesError>,
}

/// Sorts what was `left` to another replica a moment ago, since when is said, and what came; and leaves some.
fn sort<D: Domain>(
    early: &mut Early<D>,
    left: &mut Vec<(Instant, Message)>,
    came: Vec<Result<Message, MessagesError>>,
    broken: bool,
) -> Sorted {
    let (now, mut sorted) = (Instant::now(), Sorted::default());
    let came = came.into_iter().map(|message| message.map(|message| (now, message)));
    for message in take(left).into_iter().map(Ok).chain(came) {
        match message {
            Ok((since, message)) => match early.was(&message) {
                Was::Decided => sorted.finished.push(message),
                Was::Unheard if !broken && now < since + early::LEFT && is_new(&message) => left.push((since, message)),
                Was::Unheard | Was::Left => sorted.to_decide.push(message),
            },
            // Nothing is heard of a broker that is away.
            Err(error) if broken && error.kind() == MessagesErrorKind::MissingHeartbeat => {}
            Err(error) => sorted.trouble = Some(error),
        }
    }
    sorted
}

fn created_at(stream: &Stream) -> i128 {
    stream.cached_info().created.unix_timestamp_nanos()
}

/// Whether a message was waiting among others, and has not just been published.
fn waited(message: &Message) -> bool {
    message.info().is_ok_and(|info| info.pending > BACKLOG)
}

fn is_new(message: &Message) -> bool {
    message.info().is_ok_and(|info| info.delivered == 1) && !waited(message)
}

/// Returns what has been fetched and not begun, so that it doesn't wait for a redelivery timeout.
async fn give_back(
    mut chunks: impl futures_util::Stream<Item = Vec<Result<Message, MessagesError>>> + Unpin,
) -> Result<(), async_nats::Error> {
    while let Some(Some(chunk)) = chunks.next().now_or_never() {
        for message in chunk.into_iter().flatten() {
            message.ack_with(AckKind::Nak(None)).await?;
        }
    }
    Ok(())
}
