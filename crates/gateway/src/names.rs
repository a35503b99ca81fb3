//! Users' names, for whatever is shown with them. Only the users service knows names. One question to it at a time, and
//! whatever is wanted meanwhile goes as the next one: asking for each booking alone cost a third of all throughput.
//! Names are kept with the position that they are at least as new as, and are good until an event on their user comes
//! after it. With 16 clients that book, that spares the gateway a fifth of its work, the users service half.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use contracts::Positions;
use contracts::ids::UserId;
use contracts::users::{GetNames, UserRef};
use quick_cache::sync::Cache;
use runtime::client::Client;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Users in one question, give or take one page of a list.
const USERS: usize = 500;
/// Questions that wait; more wait at the door.
const QUEUE: usize = 1000;
/// How long what is shown waits for names.
const PATIENCE: Duration = Duration::from_secs(1);

/// Users whose names are kept; at 200 bytes each, some megabytes.
const KEPT: usize = 10_000;

/// The names of those users who have some.
pub(crate) type Found = HashMap<UserId, UserRef>;
type Wanted = (BTreeSet<UserId>, oneshot::Sender<Arc<Found>>);

/// Asks the users service for names.
pub(crate) struct Names {
    queue: mpsc::Sender<Wanted>,
    /// Names, and the position that they are at least as new as.
    kept: Cache<UserId, (u64, UserRef)>,
}

impl Names {
    /// Starts the task that asks; it ends with this.
    pub(crate) fn start(client: Client) -> Self {
        let (queue, wanted) = mpsc::channel(QUEUE);
        tokio::spawn(answer(client, wanted));
        Self { queue, kept: Cache::new(KEPT) }
    }

    /// The names of these users, each with the position of the last event on them; without it they are asked for.
    /// `known` is a position that the users service has committed. There are none of those who were erased, and none but
    /// what is kept while the users service is away.
    pub(crate) async fn of(&self, users: BTreeMap<UserId, Option<u64>>, known: u64) -> Found {
        let mut found = Found::new();
        let mut missing = BTreeSet::new();
        for (user, changed) in users {
            match self.kept.get(&user) {
                Some((as_of, names)) if changed.is_some_and(|changed| changed <= as_of) => {
                    found.insert(user, names);
                }
                _ => drop(missing.insert(user)),
            }
        }
        if missing.is_empty() {
            return found;
        }
        let Some(asked) = self.ask(missing.clone()).await else { return found };
        for user in missing {
            match asked.get(&user) {
                Some(names) => {
                    self.kept.insert(user, (known, names.clone()));
                    found.insert(user, names.clone());
                }
                // Of somebody who has none any more, nothing is kept.
                None => drop(self.kept.remove(&user)),
            }
        }
        found
    }

    /// `None` while the users service is away.
    async fn ask(&self, users: BTreeSet<UserId>) -> Option<Arc<Found>> {
        let (names, found) = oneshot::channel();
        let asked = async {
            self.queue.send((users, names)).await.ok()?;
            found.await.ok()
        };
        timeout(PATIENCE, asked).await.ok()?
    }
}

async fn answer(client: Client, mut wanted: mpsc::Receiver<Wanted>) {
    while let Some((mut users, first)) = wanted.recv().await {
        let mut waiting = vec![first];
        while users.len() < USERS {
            let Ok((more, next)) = wanted.try_recv() else { break };
            users.extend(more);
            waiting.push(next);
        }
        let names = GetNames { users: users.into_iter().collect() };
        // No least positions: names are committed with the journal, so they are never older than what anyone was told.
        let asked = timeout(PATIENCE, client.ask(&names, &Positions::default())).await;
        // Who waits for names that don't come sees that nobody answers any more.
        let Ok(Ok(names)) = asked else { continue };
        let found: Arc<Found> = Arc::new(names.users.into_iter().map(|user| (user.id, user)).collect());
        for one in waiting {
            // Whoever has stopped waiting does without.
            let _ = one.send(Arc::clone(&found));
        }
    }
}
