//! Commands that are heard before they are durable.
//!
//! The broker hands a message to whoever listens as soon as it comes in, and to the stream's consumer when it has been
//! synced. Meanwhile other services can be asked about its commands and the store can be looked at, so that nothing is left
//! to be asked when they come to be decided. What is heard is never decided: only what comes from the stream is. Of the
//! chain of waits that a booking's latency is, this takes one out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Message;
use contracts::CommandSet;
use contracts::subjects::{BATCH, COMMANDS_CONSUMER};
use futures_util::StreamExt;
use metrics::counter;
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use crate::ahead::{self, Ahead};
use crate::cache::Cache;
use crate::decide::Waiting;
use crate::domain::{Around, Domain};
use crate::{figures, intake};

/// Messages that were heard and have not come from the stream yet, at most. A gateway has two under way.
const MESSAGES: usize = 8;
/// What other services said longer ago than this is asked again.
const FRESH: Duration = Duration::from_millis(100);

/// Commands of which all is known that they need to be decided.
pub(crate) struct Prepared<D: Domain> {
    pub(crate) waiting: Vec<Waiting<D>>,
    pub(crate) ahead: Option<Ahead>,
}

struct Heard<D: Domain> {
    message: Message,
    at: Instant,
    prepared: JoinHandle<Prepared<D>>,
}

/// What is of no use any more isn't asked to its end.
impl<D: Domain> Drop for Heard<D> {
    fn drop(&mut self) {
        self.prepared.abort();
    }
}

/// What was heard.
pub(crate) struct Early<D: Domain> {
    heard: Arc<StdMutex<VecDeque<Heard<D>>>>,
    listening: Option<AbortHandle>,
}

impl<D: Domain> Early<D> {
    /// Listens as long as it lives, where there are commands for which that is of use.
    pub(crate) fn listen(nats: async_nats::Client, around: Around, cache: Arc<Mutex<Cache<D>>>) -> Self {
        let heard: Arc<StdMutex<VecDeque<Heard<D>>>> = Arc::default();
        let listening = D::EARLY.map(|is_early| {
            let preparing = Preparing { is_early, around, cache, heard: Arc::clone(&heard) };
            tokio::spawn(preparing.run(nats)).abort_handle()
        });
        Self { heard, listening }
    }

    /// The commands of a message that was heard; they may still have to be waited for.
    pub(crate) async fn take(&self, message: &Message) -> Option<Prepared<D>> {
        let mut found = {
            let mut heard = lock(&self.heard);
            // The same words on another subject would be another's: only a batch names its actors.
            let same = |heard: &Message| heard.subject == message.subject && heard.payload == message.payload;
            let index = heard.iter().position(|heard| same(&heard.message))?;
            // Those in front have come to another replica, or will never come.
            heard.drain(..=index).next_back()?
        };
        if found.at.elapsed() > FRESH {
            return None;
        }
        let prepared = (&mut found.prepared).await.ok()?;
        counter!(figures::PREPARED).increment(prepared.waiting.len() as u64);
        Some(prepared)
    }
}

impl<D: Domain> Drop for Early<D> {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

struct Preparing<D: Domain> {
    is_early: fn(&D::Command) -> bool,
    around: Around,
    cache: Arc<Mutex<Cache<D>>>,
    heard: Arc<StdMutex<VecDeque<Heard<D>>>>,
}

impl<D: Domain> Preparing<D> {
    /// Until the client is closed, which outlives connections.
    async fn run(self, nats: async_nats::Client) {
        // Replicas share what is heard as they share what is decided; it is of use if it's the same one.
        let subject = D::Command::SERVICE.command(BATCH);
        let Ok(mut messages) = nats.queue_subscribe(subject, COMMANDS_CONSUMER.into()).await else { return };
        while let Some(message) = messages.next().await {
            let read: Option<Vec<Waiting<D>>> = intake::batch(&message).into_iter().map(Result::ok).collect();
            let Some(waiting) = read.filter(|read| read.iter().all(|waiting| (self.is_early)(&waiting.command))) else {
                continue;
            };
            let (around, cache) = (self.around.clone(), Arc::clone(&self.cache));
            let prepared = tokio::spawn(async move { prepare(&around, &cache, waiting).await });
            let mut heard = lock(&self.heard);
            heard.push_back(Heard { message, at: Instant::now(), prepared });
            while heard.len() > MESSAGES {
                heard.pop_front();
            }
        }
    }
}

/// Asks the other services about commands and looks at the store, side by side.
pub(crate) async fn prepare<D: Domain>(
    around: &Around,
    cache: &Arc<Mutex<Cache<D>>>,
    waiting: Vec<Waiting<D>>,
) -> Prepared<D> {
    let looking = ahead::look(&around.database, cache, ahead::needs(&waiting));
    let (waiting, ahead) = tokio::join!(ask(around, waiting), looking);
    Prepared { waiting, ahead }
}

/// Asks the other services, one request each for all commands.
async fn ask<D: Domain>(around: &Around, mut waiting: Vec<Waiting<D>>) -> Vec<Waiting<D>> {
    let commands: Vec<&D::Command> = waiting.iter().map(|waiting| &waiting.command).collect();
    if commands.is_empty() {
        return waiting;
    }
    let facts = D::gather(around, &commands).await;
    for (waiting, facts) in waiting.iter_mut().zip(facts) {
        waiting.facts = facts;
    }
    waiting
}

fn lock<T>(heard: &StdMutex<T>) -> MutexGuard<'_, T> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
