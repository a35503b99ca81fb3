//! Commands that are decided before the broker has them on disk.
//!
//! The broker hands a message to whoever listens as soon as it comes in, and to the stream's consumer when it has been
//! synced. What is heard is decided at once, so the broker's sync and all that a decision takes go side by side; what a
//! decision rests on is in the store when its outcome is told, so nothing rests on the broker's disk any more. When the
//! same message comes from the stream, it only has to be acknowledged. What was not decided when it was heard, because the
//! store was away, or this program died, is decided when it comes from the stream; what was decided twice is a repeat.
//!
//! What one client publishes is decided in that order: once something is left to the stream, all that comes after it is,
//! too, for a while. Replicas share what is heard, and what comes from the stream; so to one replica comes what another has
//! heard, and is left to it for a moment.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{Client, Message, SubscribeError, Subscriber};
use contracts::CommandSet;
use contracts::subjects::{BATCH, COMMANDS_CONSUMER, headers as names};
use futures_util::StreamExt;
use tokio::sync::{Mutex, Notify};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::asking::Asked;
use crate::batch::Prepared;
use crate::cache::Cache;
use crate::decide::Waiting;
use crate::domain::{Around, Domain, Memory as Said};
use crate::{headers, intake};

/// Messages that were heard and wait, at most; what is more comes from the stream. A gateway has two under way.
const MESSAGES: usize = 8;
/// Messages that came on one way and may yet come on the other, at most.
const REMEMBERED: usize = 64;
/// How long everything is left to the stream when something was. By then that has come from there.
const REST: Duration = Duration::from_secs(1);
/// How long a message is left to the replica that has heard it: so long the largest batches take.
pub(crate) const LEFT: Duration = Duration::from_millis(50);

/// A message that was heard.
pub(crate) struct Heard<D: Domain> {
    pub(crate) id: String,
    pub(crate) reply_to: Option<String>,
    pub(crate) commands: Commands<D>,
}

/// The commands of a message that was heard.
pub(crate) enum Commands<D: Domain> {
    /// Other services are being asked about them.
    Asked(Box<Asked<D>>),
    /// They can only be asked when what is in front is decided.
    Unasked(Vec<Waiting<D>>),
    /// Not all can be read.
    Unreadable,
}

impl<D: Domain> Commands<D> {
    /// The commands, ready to be decided; `None` where not all can be read.
    pub(crate) async fn prepared(self) -> Option<Prepared<D>> {
        match self {
            Self::Asked(asked) => asked.prepared().await,
            Self::Unasked(waiting) => Some(Prepared { waiting, ahead: None, asked: false }),
            Self::Unreadable => None,
        }
    }
}

/// Where a message has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Was {
    /// Decided when it was heard.
    Decided,
    /// Heard and left to the stream.
    Left,
    /// Not heard here: perhaps by another replica.
    Unheard,
}

/// What is heard, as long as this lives.
pub(crate) struct Early<D: Domain> {
    queue: Arc<Queue<D>>,
    listening: AbortHandle,
    memory: Memory,
}

impl<D: Domain> Early<D> {
    /// Listens to a service's commands.
    ///
    /// # Errors
    /// When the client is closed.
    pub(crate) async fn listen(
        nats: &Client,
        around: Around,
        cache: Arc<Mutex<Cache<D>>>,
        said: Said<D>,
    ) -> Result<Self, SubscribeError> {
        let subject = D::Command::SERVICE.command(BATCH);
        let messages = nats.queue_subscribe(subject, COMMANDS_CONSUMER.into()).await?;
        let (waiting, more) = Default::default();
        let queue = Arc::new(Queue { around, cache, said, waiting, more });
        let listening = tokio::spawn(Arc::clone(&queue).keep(messages)).abort_handle();
        Ok(Self { queue, listening, memory: Memory::new(Instant::now()) })
    }

    /// Waits for messages that were heard and are to be decided now. Cancelling loses none.
    pub(crate) async fn next(&mut self) -> Vec<Heard<D>> {
        loop {
            let (mut heard, lost) = take(&mut *self.queue.lock());
            let now = Instant::now();
            heard.retain(|heard| self.memory.hear(&heard.id, now));
            if lost {
                self.memory.rest(now);
            }
            if !heard.is_empty() {
                return heard;
            }
            self.queue.more.notified().await;
        }
    }

    /// Notes whether a message that was heard is decided.
    pub(crate) fn note(&mut self, id: &str, decided: bool) {
        self.memory.note(id, decided, Instant::now());
    }

    /// Where a message from the stream has been.
    pub(crate) fn was(&mut self, message: &Message) -> Was {
        id(message).map_or(Was::Left, |id| self.memory.was(&id))
    }

    /// Notes that a message from the stream is being worked on.
    pub(crate) fn taken(&mut self, message: &Message) {
        if let Some(id) = id(message) {
            self.memory.remember(&id, Known::Taken);
        }
    }

    /// Forgets what was decided when it was heard: whoever waits for it may not have been told, and is told again when it
    /// comes from the stream.
    pub(crate) fn forget(&mut self) {
        self.memory.known.clear();
    }

    /// Leaves everything to the stream for a while, where others wait that came before.
    pub(crate) fn rest(&mut self) {
        self.memory.rest(Instant::now());
    }
}

impl<D: Domain> Drop for Early<D> {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// What tells a batch from any other: the id that its publisher gave it, and how long it is, since publishers are only
/// believed so far. Nothing else is decided early.
fn id(message: &Message) -> Option<String> {
    let batch = message.subject.rsplit('.').next() == Some(BATCH);
    let id = headers::text(message.headers.as_ref(), names::MESSAGE_ID).filter(|_| batch)?;
    Some(format!("{id} {}", message.payload.len()))
}

/// What was heard and waits.
struct Queue<D: Domain> {
    around: Around,
    cache: Arc<Mutex<Cache<D>>>,
    /// What other services said.
    said: Said<D>,
    /// Messages, and whether there were more than fit.
    waiting: StdMutex<(Vec<Heard<D>>, bool)>,
    more: Notify,
}

impl<D: Domain> Queue<D> {
    async fn keep(self: Arc<Self>, mut messages: Subscriber) {
        while let Some(message) = messages.next().await {
            let Some(id) = id(&message) else { continue };
            let full = self.lock().0.len() >= MESSAGES;
            let heard =
                (!full).then(|| Heard { id, reply_to: intake::reply_to(&message), commands: self.commands(&message) });
            let mut waiting = self.lock();
            waiting.1 |= full;
            waiting.0.extend(heard);
            drop(waiting);
            self.more.notify_one();
        }
    }

    fn commands(&self, message: &Message) -> Commands<D> {
        let read: Option<Vec<Waiting<D>>> = intake::batch(message).into_iter().map(Result::ok).collect();
        let Some(waiting) = read else { return Commands::Unreadable };
        if !waiting.iter().all(|waiting| D::asks_early(&waiting.command)) {
            return Commands::Unasked(waiting);
        }
        Commands::Asked(Box::new(Asked::start(&self.around, &self.cache, &self.said, waiting)))
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Heard<D>>, bool)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It was heard and decided.
    Decided,
    /// It was heard and left to the stream.
    Left,
    /// It came from the stream before it was heard.
    Taken,
}

/// Messages that came on one way and may yet come on the other.
struct Memory {
    known: VecDeque<(String, Known)>,
    /// Until then, what is heard is left to the stream.
    resting: Instant,
}

impl Memory {
    fn new(now: Instant) -> Self {
        Self { known: VecDeque::new(), resting: now }
    }

    fn rest(&mut self, now: Instant) {
        self.resting = now + REST;
    }

    /// Whether a message that is heard is to be decided now.
    fn hear(&mut self, id: &str, now: Instant) -> bool {
        match self.find(id) {
            Some((index, Known::Taken)) => {
                self.known.remove(index);
                false
            }
            // Published again by somebody who was not told that the broker has it.
            Some(_) => false,
            None if now < self.resting => {
                self.remember(id, Known::Left);
                false
            }
            None => true,
        }
    }

    fn note(&mut self, id: &str, decided: bool, now: Instant) {
        self.remember(id, if decided { Known::Decided } else { Known::Left });
        if !decided {
            self.rest(now);
        }
    }

    fn was(&mut self, id: &str) -> Was {
        match self.find(id) {
            None => Was::Unheard,
            Some((index, Known::Decided)) => {
                self.known.remove(index);
                Was::Decided
            }
            Some((index, Known::Left)) => {
                self.known.remove(index);
                Was::Left
            }
            Some((_, Known::Taken)) => Was::Left,
        }
    }

    fn remember(&mut self, id: &str, known: Known) {
        if self.find(id).is_none() {
            self.known.push_back((id.to_owned(), known));
        }
        if self.known.len() > REMEMBERED {
            self.known.pop_front();
        }
    }

    fn find(&self, wanted: &str) -> Option<(usize, Known)> {
        let index = self.known.iter().position(|(id, _)| id == wanted)?;
        Some((index, self.known.get(index)?.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decided_when_it_was_heard_need_only_be_acknowledged() {
        let now = Instant::now();
        let mut memory = Memory::new(now);
        assert!(memory.hear("1", now));
        memory.note("1", true, now);
        assert!(!memory.hear("1", now), "it was published again");
        assert_eq!(memory.was("1"), Was::Decided);
        assert_eq!(memory.was("2"), Was::Unheard);
    }

    #[test]
    fn nothing_overtakes_what_was_left_to_the_stream() {
        let now = Instant::now();
        let mut memory = Memory::new(now);
        assert!(memory.hear("1", now));
        memory.note("1", false, now);
        assert!(!memory.hear("2", now));
        assert_eq!([memory.was("1"), memory.was("2")], [Was::Left, Was::Left]);
        assert!(memory.hear("3", now + REST));
    }

    #[test]
    fn what_came_from_the_stream_first_is_not_decided_again() {
        let now = Instant::now();
        let mut memory = Memory::new(now);
        assert_eq!(memory.was("1"), Was::Unheard);
        memory.remember("1", Known::Taken);
        assert!(!memory.hear("1", now));
    }

    #[test]
    fn so_many_are_remembered() {
        let now = Instant::now();
        let mut memory = Memory::new(now);
        for number in 0..=REMEMBERED {
            memory.note(&number.to_string(), true, now);
        }
        assert_eq!((memory.was("0"), memory.was("1")), (Was::Unheard, Was::Decided));
    }
}
