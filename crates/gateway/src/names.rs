//! Users' names, for whatever is shown with them. Only the users service knows names. One question to it at a time, and
//! whatever is wanted meanwhile goes as the next one: asking for each booking alone cost a third of all throughput.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use contracts::Positions;
use contracts::ids::UserId;
use contracts::users::{GetNames, UserRef};
use runtime::client::Client;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Users in one question, give or take one page of a list.
const USERS: usize = 500;
/// Questions that wait; more wait at the door.
const QUEUE: usize = 1000;
/// How long what is shown waits for names.
const PATIENCE: Duration = Duration::from_secs(1);

/// The names of those users who have some.
pub(crate) type Found = Arc<HashMap<UserId, UserRef>>;
type Wanted = (BTreeSet<UserId>, oneshot::Sender<Found>);

/// Asks the users service for names.
pub(crate) struct Names {
    queue: mpsc::Sender<Wanted>,
}

impl Names {
    /// Starts the task that asks; it ends with this.
    pub(crate) fn start(client: Client) -> Self {
        let (queue, wanted) = mpsc::channel(QUEUE);
        tokio::spawn(answer(client, wanted));
        Self { queue }
    }

    /// The names of these users: none of those who were erased, and nobody's while the users service is away.
    pub(crate) async fn of(&self, users: BTreeSet<UserId>) -> Found {
        let (names, found) = oneshot::channel();
        let asked = async {
            self.queue.send((users, names)).await.ok()?;
            found.await.ok()
        };
        timeout(PATIENCE, asked).await.ok().flatten().unwrap_or_default()
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
        let found = match timeout(PATIENCE, client.ask(&names, &Positions::default())).await {
            Ok(Ok(names)) => names.users.into_iter().map(|user| (user.id, user)).collect(),
            Ok(Err(_)) | Err(_) => HashMap::new(),
        };
        let found = Arc::new(found);
        for one in waiting {
            // Whoever has stopped waiting does without.
            let _ = one.send(Arc::clone(&found));
        }
    }
}
