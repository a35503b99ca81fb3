//! Other services are asked about commands as soon as those come, while the store is looked at and what is in front of them
//! is decided.

use std::sync::Arc;
use std::time::Duration;

use contracts::Problem;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::ahead::{self, Ahead};
use crate::batch::Prepared;
use crate::cache::Cache;
use crate::decide::{Waiting, needs};
use crate::domain::{Around, Domain, Memory};

/// What other services said longer ago than this is asked again.
const FRESH: Duration = Duration::from_millis(100);

/// Commands about which other services are being asked. Who drops it asks no longer.
pub(crate) struct Asked<D: Domain> {
    waiting: Vec<Waiting<D>>,
    told: AbortOnDropHandle<Vec<Result<D::Facts, Problem>>>,
    since: Instant,
    looking: AbortOnDropHandle<Option<Ahead>>,
}

impl<D: Domain> Asked<D> {
    /// Asks about these commands.
    pub(crate) fn start(
        around: &Around,
        cache: &Arc<Mutex<Cache<D>>>,
        memory: &Memory<D>,
        waiting: Vec<Waiting<D>>,
    ) -> Self {
        let (needs, database, cache) = (needs(&waiting), around.database.clone(), Arc::clone(cache));
        let looking = tokio::spawn(async move { ahead::look(&database, &cache, needs).await });
        let commands: Vec<D::Command> = waiting.iter().map(|waiting| waiting.command.clone()).collect();
        let (around, memory) = (around.clone(), Arc::clone(memory));
        let told = tokio::spawn(async move {
            let commands: Vec<&D::Command> = commands.iter().collect();
            D::gather(&around, &memory, &commands).await
        });
        let (told, looking) = (AbortOnDropHandle::new(told), AbortOnDropHandle::new(looking));
        Self { waiting, told, since: Instant::now(), looking }
    }

    /// The commands with what is said of them. `None` when asking came to nothing.
    pub(crate) async fn prepared(self) -> Option<Prepared<D>> {
        let Self { mut waiting, told, since, looking } = self;
        let ahead = looking.await.ok()?;
        know(&mut waiting, told.await.ok()?);
        Some(Prepared { waiting, ahead, asked: since.elapsed() <= FRESH })
    }
}

/// Notes what is known of each command.
pub(crate) fn know<D: Domain>(waiting: &mut [Waiting<D>], facts: impl IntoIterator<Item = Result<D::Facts, Problem>>) {
    for (waiting, facts) in waiting.iter_mut().zip(facts) {
        waiting.facts = facts;
    }
}
