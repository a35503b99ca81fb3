//! The command loop: take what is waiting, ask what others know, decide all of it in one transaction, reply,
//! acknowledge. One batch at a time: whatever arrives meanwhile is the next one, so batches grow with the load.
//!
//! A command is acknowledged only after COMMIT, when the next one comes. A refusal is an outcome, and committed. Trouble
//! with the store or with a peer is not: the command stays and is tried again until it expires. A batch that fails is tried
//! again command by command, so that one bad command harms no other; what fails alone again and again becomes a dead letter.

use std::collections::{BTreeMap, HashMap};
use std::mem::replace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::pull::MessagesError;
use async_nats::jetstream::{AckKind, Message};
use contracts::ids::CommandId;
use contracts::{Case, CommandSet, Outcome, OutcomeStatus, Problem};
use futures_util::{FutureExt, Stream, StreamExt};
use metrics::{counter, histogram};
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::ahead::{self, Ahead};
use crate::broker::Connection;
use crate::cache::Cache;
use crate::database::{StoreError, backoff};
use crate::dead_letters::DeadLetters;
use crate::decide::{Waiting, decide};
use crate::domain::{Around, Domain};
use crate::early::{self, Early, Prepared};
use crate::handover::Handover;
use crate::health::{Check, Pulse};
use crate::intake::{self, Intake, Rejected};
use crate::streams::{HEARTBEAT, PULL};
use crate::{figures, journal, outcomes, streams};

/// Messages taken at once; each may be a batch of its own.
const MESSAGES: usize = 64;
/// Commands decided in one transaction, give or take one message.
const COMMANDS: usize = 2000;
/// How often a message is delivered before a command in it that keeps failing alone becomes a dead letter.
const DELIVERIES: i64 = 5;
/// From this try on, pauses before what waits for a peer or the store is tried again don't grow any more: up to 640 ms,
/// so that what is back is noticed soon.
const LONGEST_PAUSE: u32 = 5;

/// How long what was decided waits at most to be acknowledged, which is done when the next comes. A broker that syncs every
/// write takes 0.9 ms to empty a stream: it makes a new file, syncs it, and deletes the one before, and takes no command
/// meanwhile. While another command is there, it writes a mark, on which nobody waits.
const ACKNOWLEDGE: Duration = Duration::from_millis(100);

/// How often to give a sign of life while nothing comes.
const TICK: Duration = Duration::from_secs(1);
/// How long none may come: longer than the longest batch takes whose store and peers answer at all.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A message that is being worked on.
struct Taken<'m, D: Domain> {
    message: &'m Message,
    intake: Intake<D>,
    /// Whether its commands were heard before, so that all is known that they need.
    heard: bool,
    ahead: Option<Ahead>,
}

/// What the loop works with.
pub(crate) struct CommandLoop<D: Domain> {
    pub(crate) around: Around,
    pub(crate) jetstream: async_nats::jetstream::Context,
    pub(crate) handover: Arc<Handover>,
    pub(crate) health: Check,
    pub(crate) pulse: Pulse,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) cache: Arc<Mutex<Cache<D>>>,
    pub(crate) early: Early<D>,
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
        let created = stream.cached_info().created.unix_timestamp_nanos();
        let consumer = streams::commands_consumer(&stream).await?;
        // Not sooner: what is asked above waits while the broker is away, and is answered on the next connection.
        let connection = Connection::of(self.jetstream.client());
        let messages = consumer.stream().max_messages_per_batch(MESSAGES).expires(PULL).heartbeat(HEARTBEAT);
        let messages = messages.messages().await?;
        let mut chunks = messages.ready_chunks(MESSAGES);
        self.health.set(Ok(()));
        let mut ticks = interval(TICK);
        let mut done: Vec<Message> = Vec::new();
        let mut acknowledge = Instant::now();
        loop {
            self.pulse.beat();
            let chunk = tokio::select! {
                biased;
                () = shutdown.cancelled() => None,
                chunk = chunks.next() => Some(chunk.ok_or("the subscription ended")?),
                () = sleep_until(acknowledge), if !done.is_empty() => Some(Vec::new()),
                _ = ticks.tick() => if connection.stands() { continue } else { return give_back(chunks).await },
            };
            let Some(chunk) = chunk else {
                connection.acknowledge(&done).await?;
                return give_back(chunks).await;
            };
            let mut messages = Vec::with_capacity(chunk.len());
            let mut trouble = None;
            for message in chunk {
                match message {
                    Ok(message) => messages.push(message),
                    Err(error) => trouble = Some(error),
                }
            }
            let mut decided = self.work_through(&messages, created).await?.into_iter();
            messages.retain(|_| decided.next() == Some(true));
            connection.acknowledge(&replace(&mut done, messages)).await?;
            acknowledge = Instant::now() + ACKNOWLEDGE;
            if let Some(error) = trouble {
                return Err(error.into());
            }
            // What was taken is decided all the same; as it can't be acknowledged, it will come again.
            if !connection.stands() {
                return give_back(chunks).await;
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
                    let sequence = message.info()?.stream_sequence;
                    let one = self.take(message, stream_created, sequence).await;
                    commands += one.intake.commands.len();
                    taken.push(one);
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

    /// What a message holds: prepared, when it was heard before it came from the stream.
    async fn take<'m>(&self, message: &'m Message, stream_created: i128, sequence: u64) -> Taken<'m, D> {
        match self.early.take(&message.message).await {
            Some(Prepared { waiting, ahead }) => {
                let intake = Intake { commands: waiting, rejected: Vec::new(), reply_to: intake::reply_to(message) };
                Taken { message, intake, heard: true, ahead }
            }
            None => {
                let intake = intake::read(message, stream_created, sequence);
                Taken { message, intake, heard: false, ahead: None }
            }
        }
    }

    /// Decides what the messages hold, and replies. Tells which are done with, and gives the others back.
    async fn batch(&self, mut taken: Vec<Taken<'_, D>>) -> Result<Vec<bool>, async_nats::Error> {
        let began = Instant::now();
        let heard = taken.iter().all(|taken| taken.heard);
        let ahead = if let [one] = &mut taken[..] { one.ahead.take() } else { None };
        let mut orders = Vec::new();
        let mut messages = Vec::new();
        for (index, Taken { message, intake, .. }) in taken.into_iter().enumerate() {
            let sequence = message.info().map_or(0, |info| info.stream_sequence);
            self.bury(&intake.rejected, sequence).await?;
            counter!(figures::BURIED, "command" => "unreadable").increment(intake.rejected.len() as u64);
            orders.extend(intake.commands.into_iter().map(|command| (index, command)));
            messages.push((message, intake.reply_to));
        }
        let owners: Vec<usize> = orders.iter().map(|(index, _)| *index).collect();
        let names: Vec<&'static str> = orders.iter().map(|(_, waiting)| waiting.command.name()).collect();
        let waiting: Vec<Waiting<D>> = orders.into_iter().map(|(_, waiting)| waiting).collect();
        let Prepared { waiting, ahead } = if heard {
            let ahead = ahead::look_again(ahead, &self.around.database, &self.cache, ahead::needs(&waiting)).await;
            Prepared { waiting, ahead }
        } else {
            early::prepare(&self.around, &self.cache, waiting).await
        };
        let decided = self.decide_all(waiting, ahead, |position| {
            let owner = owners.get(position).and_then(|index| messages.get(*index));
            let info = owner.and_then(|(message, _)| message.info().ok());
            info.map_or((1, 0), |info| (info.delivered, info.stream_sequence))
        });
        let decided = decided.await?;
        if decided.iter().any(Option::is_some) {
            self.stalled.store(0, Ordering::Relaxed);
        } else if !decided.is_empty() {
            self.stalled.fetch_add(1, Ordering::Relaxed);
        }

        let mut replies: HashMap<&str, Vec<&Outcome>> = HashMap::new();
        let mut done = vec![true; messages.len()];
        for (owner, outcome) in owners.iter().zip(&decided) {
            match (outcome, messages.get(*owner)) {
                (Some(outcome), Some((_, Some(reply_to)))) => replies.entry(reply_to).or_default().push(outcome),
                (None, _) => done.iter_mut().skip(*owner).take(1).for_each(|flag| *flag = false),
                _ => {}
            }
        }
        for (inbox, outcomes) in replies {
            self.jetstream.client().publish(inbox.to_owned(), serde_json::to_vec(&outcomes)?.into()).await?;
        }
        for ((message, _), _) in messages.iter().zip(&done).filter(|(_, done)| !**done) {
            message.ack_with(AckKind::Nak(Some(pause(message)))).await?;
        }
        count(&names, &decided, began.elapsed());
        Ok(done)
    }

    /// Decides all together, or after a refusal by the store one by one. `None` for what must be tried again.
    /// `delivery` has how often the message of a command was delivered, and its sequence.
    async fn decide_all(
        &self,
        waiting: Vec<Waiting<D>>,
        ahead: Option<Ahead>,
        delivery: impl Fn(usize) -> (i64, u64),
    ) -> Result<Vec<Option<Outcome>>, async_nats::Error> {
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let waiting = Arc::new(waiting);
        let error = match self.decide(&waiting, ahead).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => error,
        };
        let waiting = match Arc::try_unwrap(waiting) {
            Ok(waiting) if !matches!(error, StoreError::Away(_)) => waiting,
            Ok(waiting) => return Ok(self.leave(waiting.len(), &error)),
            Err(shared) => return Ok(self.leave(shared.len(), &error)),
        };
        tracing::warn!(%error, commands = waiting.len(), "a batch failed and is tried command by command");
        let mut outcomes = Vec::with_capacity(waiting.len());
        for (position, one) in waiting.into_iter().enumerate() {
            outcomes.push(self.decide_alone(one, delivery(position)).await?);
        }
        Ok(outcomes)
    }

    async fn decide(
        &self,
        waiting: &Arc<Vec<Waiting<D>>>,
        ahead: Option<Ahead>,
    ) -> Result<Vec<Option<Outcome>>, StoreError> {
        let decided = decide(&self.around.database, &self.cache, waiting, ahead).await?;
        self.health.set(Ok(()));
        self.handover.put(decided.rows);
        Ok(decided.outcomes)
    }

    fn leave(&self, commands: usize, error: &StoreError) -> Vec<Option<Outcome>> {
        let stalled = self.stalled.load(Ordering::Relaxed).saturating_add(1);
        self.health.trouble(stalled, &format!("commands wait for the store: {error}"));
        vec![None; commands]
    }

    async fn decide_alone(
        &self,
        one: Waiting<D>,
        (delivered, sequence): (i64, u64),
    ) -> Result<Option<Outcome>, async_nats::Error> {
        let one = Arc::new(vec![one]);
        let error = match self.decide(&one, None).await {
            Ok(mut outcomes) => return Ok(outcomes.pop().flatten()),
            Err(error) => error,
        };
        if matches!(error, StoreError::Away(_)) || delivered < DELIVERIES {
            return Ok(None);
        }
        let mut answer = None;
        for waiting in one.iter() {
            let rejected = Rejected {
                subject: D::Command::SERVICE.command(waiting.command.name()),
                id: waiting.id,
                actor: Some(waiting.actor.clone()),
                if_version: waiting.if_version,
                payload: waiting.payload.clone(),
                reason: format!("failed {delivered} times: {error}"),
                quotes: false,
            };
            self.bury(std::slice::from_ref(&rejected), sequence).await?;
            counter!(figures::BURIED, "command" => waiting.command.name()).increment(1);
            answer = Some(failure(waiting.id));
        }
        Ok(answer)
    }

    async fn bury(&self, rejected: &[Rejected], sequence: u64) -> Result<(), async_nats::Error> {
        for one in rejected {
            self.dead_letters.bury(one, sequence).await?;
        }
        Ok(())
    }
}

/// Counts a batch: once for each name and result, not for each command.
fn count(names: &[&'static str], decided: &[Option<Outcome>], took: Duration) {
    if names.is_empty() {
        return;
    }
    histogram!(figures::BATCH).record(names.len() as f64);
    let mut counts: BTreeMap<(&'static str, &'static str), usize> = BTreeMap::new();
    for (name, outcome) in names.iter().zip(decided) {
        let result = match outcome.as_ref().map(|outcome| outcome.status) {
            Some(OutcomeStatus::Accepted) => "accepted",
            Some(OutcomeStatus::Refused) => "refused",
            None => "later",
        };
        *counts.entry((name, result)).or_default() += 1;
    }
    for ((command, result), count) in counts {
        histogram!(figures::COMMANDS, "command" => command, "result" => result).record_many(took, count);
    }
}

/// Returns what has been fetched and not begun, so that it doesn't wait for a redelivery timeout.
async fn give_back(
    mut chunks: impl Stream<Item = Vec<Result<Message, MessagesError>>> + Unpin,
) -> Result<(), async_nats::Error> {
    while let Some(Some(chunk)) = chunks.next().now_or_never() {
        for message in chunk.into_iter().flatten() {
            message.ack_with(AckKind::Nak(None)).await?;
        }
    }
    Ok(())
}

/// What whoever waits for a command that became a dead letter is told. It isn't stored: the letter can be sent again.
fn failure(id: CommandId) -> Outcome {
    let problem = Problem::new(Case::Internal, "the command could not be carried out and has been set aside");
    outcomes::refusal(id, 0, &problem, journal::now())
}

/// How long a message rests before it is delivered again.
fn pause(message: &Message) -> Duration {
    let delivered = message.info().map_or(1, |info| info.delivered);
    backoff(u32::try_from(delivered).unwrap_or(u32::MAX).saturating_add(2).min(LONGEST_PAUSE))
}
