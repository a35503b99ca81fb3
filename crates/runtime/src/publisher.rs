//! Publishing commands to one service: one message under way, and whatever gathered meanwhile goes as the next.
//!
//! Under way until its commands are decided: a service decides one batch at a time, so what came sooner would only wait
//! there, and be decided in smaller batches. Most of what a batch costs, it costs however many commands are in it: the
//! broker's sync, the questions to other services, the transaction. Compared with waiting for the broker only, 16 clients
//! that book had 1.3 times the throughput, 64 had 1.2 times. An idle publisher adds no delay, and one whose callers don't
//! come back at once waits for nobody but the service.
//!
//! When there are many, they go in two halves, of which one is decided while the gateway answers those of the other and
//! takes what they want next: else one processor would wait for the other.

use std::collections::VecDeque;
use std::future::pending;
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
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use crate::client::{Order, Unpublished};
use crate::database::backoff;
use crate::waiting::{Together, Waiting};
use crate::{broker, headers};

/// Commands in one message.
const BATCH_COMMANDS: usize = 500;
/// Fewer commands are not parted.
const PART: usize = 32;
/// Bytes of commands in one message, give or take one command.
const BATCH_BYTES: usize = 1 << 20;
/// Commands that wait for the publish in flight; more wait at the door. How many there can be, the [room](crate::room)
/// says.
const QUEUE: usize = 10_000;
/// How long the next message waits at most for those commands to be decided that went before, from when they were sent.
const HOLD: Duration = Duration::from_millis(50);
/// How long is waited for whoever has just been told the outcome of a command, where they tend to give another, as a part of
/// the time that the message with those commands took. Where everything is slow, so are they: with 1 ms, on a machine where a
/// message of 32 commands takes 17 ms, 32 clients came in two halves, and booked two thirds as much.
const GATHER: f64 = 0.25;
/// How much of what is known of that comes from the last message.
const LATEST: f64 = 0.2;
/// They are waited for where at least so many of them come. Programs that do one thing after another nearly all do; of
/// independent callers, who come whenever it be, no more happen to than the part of the time that is waited. Those have their
/// answers sooner for it: of 500 bookings a second, half in 4.4 ms instead of 5.4.
const WORTH: f64 = 0.5;
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

/// Takes the oldest message out when it is decided, or was held for long enough; tells how many commands it has, and how long
/// it took.
async fn done(under_way: &mut VecDeque<UnderWay>) -> (usize, Duration) {
    let Some(message) = under_way.front_mut() else { return pending().await };
    let _ = timeout_at(message.begun + HOLD, message.together.decided()).await;
    under_way.pop_front().map_or((0, Duration::ZERO), |message| (message.commands, message.begun.elapsed()))
}

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
        let line = Line { commands, waiting: Vec::new() };
        let task = Task { jetstream, waiting, service, source, inbox, line, under_way: VecDeque::new() };
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

/// Commands that are to be published.
struct Line {
    commands: mpsc::Receiver<(Publication, Published)>,
    /// Those that were received.
    waiting: Vec<(Publication, Published)>,
}

impl Line {
    /// Receives those that are there, at least one; none when there will be none. How many?
    async fn receive(&mut self) -> usize {
        self.commands.recv_many(&mut self.waiting, 2 * BATCH_COMMANDS).await
    }

    /// Takes the first ones, as many as one message may carry, and at most so many.
    fn take(&mut self, most: usize) -> Vec<(Publication, Published)> {
        let mut bytes = 0;
        let fit = |(publication, _): &&(Publication, Published)| {
            bytes += publication.data.get().len();
            bytes < BATCH_BYTES
        };
        let count = self.waiting.iter().take(most).take_while(fit).count().max(1).min(self.waiting.len());
        self.waiting.drain(..count).collect()
    }
}

/// A message whose commands may not be decided yet.
struct UnderWay {
    commands: usize,
    together: Together,
    begun: Instant,
}

/// Whether those who are told of an outcome tend to give another command at once.
struct Habit {
    /// The share of them that did, lately.
    share: f64,
    /// How many were told last, until when they can be said to come at once, and how many commands have come since.
    told: usize,
    until: Instant,
    came: usize,
}

impl Habit {
    fn new(now: Instant) -> Self {
        Self { share: 1.0, told: 0, until: now, came: 0 }
    }

    /// So many commands come.
    fn come(&mut self, commands: usize, now: Instant) {
        if now < self.until {
            self.came += commands;
        }
    }

    /// So many are told, of a message that took so long.
    fn tell(&mut self, told: usize, took: Duration, now: Instant) {
        if self.told > 0 {
            let came = self.came.min(self.told) as f64 / self.told as f64;
            self.share += LATEST * (came - self.share);
        }
        (self.told, self.came, self.until) = (told, 0, now + took.mul_f64(GATHER));
    }

    fn is_to_come(&self) -> bool {
        self.share >= WORTH
    }
}

struct Task {
    jetstream: Context,
    waiting: Waiting,
    service: Service,
    source: String,
    inbox: String,
    line: Line,
    under_way: VecDeque<UnderWay>,
}

impl Task {
    async fn run(mut self) {
        let (mut enough, mut habit) = (1, Habit::new(Instant::now()));
        loop {
            let room = self.line.waiting.len() < 2 * BATCH_COMMANDS;
            tokio::select! {
                (told, took) = done(&mut self.under_way) => {
                    // Whoever was told may give another command. Of few, all are waited for; of many, some will do,
                    // while the service has nothing to decide.
                    habit.tell(told, took, Instant::now());
                    enough = match self.all() + told {
                        _ if !habit.is_to_come() => 1,
                        all if all > PART => PART / 2,
                        all => all,
                    };
                }
                came = self.line.receive(), if room => if came > 0 { habit.come(came, Instant::now()) } else { break },
                () = sleep_until(habit.until), if !self.line.waiting.is_empty() && self.under_way.is_empty() => {}
            }
            while self.may_go(enough, habit.until) {
                let commands = self.line.take(self.all().div_ceil(2).clamp(PART, BATCH_COMMANDS));
                self.go(commands).await;
            }
        }
        while !self.line.waiting.is_empty() {
            let commands = self.line.take(BATCH_COMMANDS);
            self.go(commands).await;
        }
    }

    /// How many commands wait or are under way.
    fn all(&self) -> usize {
        self.line.waiting.len() + self.under_way.iter().map(|message| message.commands).sum::<usize>()
    }

    /// Whether the next message may go: when none is under way, and enough commands are there or have had their time to
    /// come; or when one is, and as many commands wait.
    fn may_go(&self, enough: usize, gathered: Instant) -> bool {
        let waiting = self.line.waiting.len();
        match (self.under_way.front(), self.under_way.len()) {
            _ if waiting == 0 => false,
            (None, _) => waiting >= enough || Instant::now() >= gathered,
            // Fewer would go still smaller each time.
            (Some(message), 1) => waiting >= message.commands.max(PART),
            _ => false,
        }
    }

    /// Publishes these together.
    async fn go(&mut self, gathered: Vec<(Publication, Published)>) {
        let (commands, publishing): (Vec<Publication>, Vec<_>) = gathered.into_iter().unzip();
        let begun = Instant::now();
        let together = self.waiting.together(commands.iter().map(|command| command.order.id));
        let count = commands.len();
        let result = self.send(commands).await;
        for published in publishing {
            let _ = published.send(result.clone());
        }
        if result.is_ok() {
            self.under_way.push_back(UnderWay { commands: count, together, begun });
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a message takes.
    const TOOK: Duration = Duration::from_millis(8);

    /// Tells so many, of whom so many come back after so much time; again and again.
    fn after(told: usize, came: usize, pause: Duration) -> (Habit, Instant) {
        let mut now = Instant::now();
        let mut habit = Habit::new(now);
        for _ in 0..20 {
            habit.tell(told, TOOK, now);
            habit.come(came, now + pause);
            now += TOOK;
        }
        (habit, now)
    }

    #[test]
    fn who_comes_back_is_waited_for_and_who_does_not_is_not() {
        assert!(Habit::new(Instant::now()).is_to_come(), "at first they are expected");
        for (told, came, pause, is_to_come) in [
            (16, 16, TOOK / 8, true),
            (16, 12, TOOK / 8, true),
            (1, 1, TOOK / 8, true),
            (8, 2, TOOK / 8, false),
            (16, 16, TOOK / 4, false),
        ] {
            assert_eq!(after(told, came, pause).0.is_to_come(), is_to_come, "{came} of {told} after {pause:?}");
        }
        // However many come, they are no more than those who were told.
        let (mut habit, now) = after(1, 0, TOOK / 8);
        habit.tell(1, TOOK, now);
        habit.come(1_000, now);
        habit.tell(1, TOOK, now + TOOK);
        assert!(!habit.is_to_come());
    }
}
