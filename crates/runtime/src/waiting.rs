//! Commands that were published here and have no outcome yet, and who waits for it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::Outcome;
use contracts::ids::CommandId;
use futures_util::StreamExt;
use lru::LruCache;
use tokio::sync::{mpsc, oneshot};
use tokio::time::interval;

/// How often commands that expired without a word are forgotten.
const SWEEP: Duration = Duration::from_secs(5);
/// Commands that are remembered. Those whose callers wait are far fewer; the others can wait for hours, while their
/// service is away. The oldest is forgotten first: what became of it the service still tells whoever asks.
const MOST: usize = 100_000;

/// Clones share it.
#[derive(Clone)]
pub(crate) struct Waiting(Arc<Mutex<Commands>>);

type Commands = LruCache<CommandId, Awaited>;

struct Awaited {
    listeners: Vec<oneshot::Sender<Outcome>>,
    expires: Option<DateTime<Utc>>,
    /// Held by what went with it, until all of that is decided.
    together: Option<mpsc::Sender<Infallible>>,
}

/// Tells when commands that went together are all decided, or forgotten.
pub(crate) struct Together(mpsc::Receiver<Infallible>);

impl Together {
    /// Returns then. Can be given up and asked again.
    pub(crate) async fn decided(&mut self) {
        self.0.recv().await;
    }
}

impl Waiting {
    /// Hands out what arrives in `outcomes`, until the last clone is gone.
    pub(crate) fn start(outcomes: async_nats::Subscriber) -> Self {
        // Not of its full size from the start: it is nearly empty as long as all is well.
        let waiting = Self(Arc::new(Mutex::new(LruCache::unbounded())));
        tokio::spawn(receive(outcomes, Arc::downgrade(&waiting.0)));
        waiting
    }

    /// Adds somebody who waits for the outcome of a command.
    pub(crate) fn listen(&self, id: CommandId, expires: Option<DateTime<Utc>>) -> oneshot::Receiver<Outcome> {
        let (listener, outcome) = oneshot::channel();
        let mut commands = self.lock();
        let awaited = commands.get_or_insert_mut(id, || Awaited { listeners: Vec::new(), expires, together: None });
        // Whoever has gone away need not be told.
        awaited.listeners.retain(|listener| !listener.is_closed());
        awaited.listeners.push(listener);
        awaited.expires = expires;
        while commands.len() > MOST {
            commands.pop_lru();
        }
        outcome
    }

    /// These commands go together.
    pub(crate) fn together(&self, ids: impl IntoIterator<Item = CommandId>) -> Together {
        let (together, decided) = mpsc::channel(1);
        let mut commands = self.lock();
        for id in ids {
            if let Some(awaited) = commands.peek_mut(&id) {
                awaited.together = Some(together.clone());
            }
        }
        Together(decided)
    }

    /// Forgets a command.
    pub(crate) fn forget(&self, id: CommandId) {
        self.lock().pop(&id);
    }

    /// True while a command has no outcome and has not expired.
    pub(crate) fn has(&self, id: CommandId) -> bool {
        self.lock().peek(&id).is_some_and(|awaited| !awaited.is_over(Utc::now()))
    }

    fn lock(&self) -> MutexGuard<'_, Commands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires < now)
    }
}

async fn receive(mut messages: async_nats::Subscriber, waiting: Weak<Mutex<Commands>>) {
    let mut sweep = interval(SWEEP);
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            _ = sweep.tick() => None,
        };
        let Some(waiting) = waiting.upgrade() else { return };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(message) = message else {
            forget_expired(&mut waiting);
            continue;
        };
        match serde_json::from_slice::<Vec<Outcome>>(&message.payload) {
            Ok(outcomes) => outcomes.into_iter().for_each(|outcome| tell(&mut waiting, outcome)),
            Err(error) => tracing::warn!(%error, "outcomes that cannot be read"),
        }
    }
}

fn forget_expired(commands: &mut Commands) {
    let now = Utc::now();
    let expired: Vec<CommandId> =
        commands.iter().filter(|(_, awaited)| awaited.is_over(now)).map(|(id, _)| *id).collect();
    for id in expired {
        commands.pop(&id);
    }
}

fn tell(commands: &mut Commands, outcome: Outcome) {
    for listener in commands.pop(&outcome.command_id).into_iter().flat_map(|awaited| awaited.listeners) {
        // Whoever has stopped waiting can still ask for it.
        let _ = listener.send(outcome.clone());
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_went_together_is_decided_when_the_last_of_it_is() {
        let waiting = Waiting(Arc::new(Mutex::new(LruCache::unbounded())));
        let ids = [CommandId::default(), CommandId::default()];
        let _listeners = ids.map(|id| waiting.listen(id, None));
        let mut together = waiting.together(ids);
        let mut together = std::pin::pin!(together.decided());
        let [first, last] = ids;
        waiting.forget(first);
        assert!((&mut together).now_or_never().is_none());
        waiting.forget(last);
        together.await;
        waiting.together([first]).decided().await;
    }

    #[test]
    fn so_many_are_remembered_and_none_that_has_expired() {
        let waiting = Waiting(Arc::new(Mutex::new(LruCache::unbounded())));
        let (soon, later) = (Some(Utc::now()), Some(Utc::now() + TimeDelta::hours(1)));
        let (first, last) = (CommandId::default(), CommandId::default());
        let mut forgotten = waiting.listen(first, later);
        for _ in 1..MOST {
            drop(waiting.listen(CommandId::default(), soon));
        }
        assert!(waiting.has(first));
        let mut outcome = waiting.listen(last, later);
        assert!(!waiting.has(first) && waiting.has(last));
        // Whoever waits is told that there is nothing to wait for, and asks.
        assert!(matches!(forgotten.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        forget_expired(&mut waiting.lock());
        assert_eq!(waiting.lock().len(), 1);
        assert!(matches!(outcome.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
    }
}
