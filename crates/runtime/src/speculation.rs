//! Speculation: what other services say of commands is mostly what they have said before. So while they are asked, a batch is
//! decided on what they are expected to say, and written; when they have said just that, it is committed. Else it is rolled
//! back, and decided on what they did say. So nothing is ever committed that they have not confirmed.
//!
//! One client that books had 1.05 to 1.2 times the throughput, where three of four bookings could be expected, and 16 had 1.07
//! times. Where one batch waits while the one before is decided, as with 64, they mostly have answered when its turn comes, and
//! nothing has to be expected.

use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::Problem;
use metrics::counter;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::ahead::{self, Ahead};
use crate::batch::Prepared;
use crate::cache::Cache;
use crate::database::Database;
use crate::decide::{Decided, Waiting, needs};
use crate::domain::{Around, Domain};
use crate::figures;

/// What other services said longer ago than this is asked again.
const FRESH: Duration = Duration::from_millis(100);

/// What other services say of each command of a batch, or why they can't be asked.
type Told<D> = Vec<Result<<D as Domain>::Facts, Problem>>;

/// What was said before.
pub(crate) type Memory<D> = Arc<StdMutex<<D as Domain>::Memory>>;

/// Commands about which other services are being asked, while the store is looked at.
pub(crate) struct Asked<D: Domain> {
    waiting: Vec<Waiting<D>>,
    asking: Asking<D>,
    looking: AbortOnDropHandle<Option<Ahead>>,
    memory: Memory<D>,
}

/// A question under way. Who drops it asks no longer.
pub(crate) struct Asking<D: Domain> {
    told: AbortOnDropHandle<Told<D>>,
    since: Instant,
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
        let (around, known) = (around.clone(), Arc::clone(memory));
        let told = tokio::spawn(async move {
            let commands: Vec<&D::Command> = commands.iter().collect();
            let told = D::gather(&around, &commands).await;
            D::remember(&mut lock(&known), &commands, &told);
            told
        });
        let asking = Asking { told: AbortOnDropHandle::new(told), since: Instant::now() };
        Self { waiting, asking, looking: AbortOnDropHandle::new(looking), memory: Arc::clone(memory) }
    }

    /// The commands with what is said of them; or, for a batch that is decided `alone` and now, with what is expected, where
    /// that can be told. `None` when asking came to nothing.
    pub(crate) async fn prepared(self, alone: bool) -> Option<Prepared<D>> {
        let Self { mut waiting, asking, looking, memory } = self;
        let ahead = looking.await.ok()?;
        if alone
            && ahead.is_some()
            && !asking.told.is_finished()
            && let Some(expected) = expected::<D>(&memory, &waiting)
        {
            know(&mut waiting, expected.into_iter().map(Ok));
            return Some(Prepared { waiting, ahead, asked: true, asking: Some(asking) });
        }
        let Asking { told, since } = asking;
        know(&mut waiting, told.await.ok()?);
        Some(Prepared { waiting, ahead, asked: since.elapsed() <= FRESH, asking: None })
    }
}

fn expected<D: Domain>(memory: &Memory<D>, waiting: &[Waiting<D>]) -> Option<Vec<D::Facts>> {
    let commands: Vec<&D::Command> = waiting.iter().map(|waiting| &waiting.command).collect();
    D::expect(&mut lock(memory), &commands)
}

fn lock<M>(memory: &StdMutex<M>) -> MutexGuard<'_, M> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes what is known of each command.
pub(crate) fn know<D: Domain>(waiting: &mut [Waiting<D>], facts: impl IntoIterator<Item = Result<D::Facts, Problem>>) {
    for (waiting, facts) in waiting.iter_mut().zip(facts) {
        waiting.facts = facts;
    }
}

/// Decides a batch on what is expected.
///
/// # Errors
/// When they have said something else, with that; and when they have not answered in time, or the store does not do it. Then
/// nothing was written.
pub(crate) async fn decide<D: Domain>(
    database: &Database,
    cache: &Arc<Mutex<Cache<D>>>,
    batch: &[Waiting<D>],
    ahead: Option<Ahead>,
    mut asking: Asking<D>,
) -> Result<Decided, Option<Told<D>>> {
    let mut told = None;
    let confirmed = async {
        told = timeout_at(asking.since + FRESH, &mut asking.told).await.ok().and_then(Result::ok);
        told.as_ref().is_some_and(|told| is_so(told, batch))
    };
    let Some(ahead) = ahead else {
        confirmed.await;
        return Err(told);
    };
    let decided = ahead::decide(database, cache, batch, ahead, Some(confirmed)).await;
    match decided {
        Ok(decided) => {
            counter!(figures::SPECULATED, "result" => "confirmed").increment(batch.len() as u64);
            Ok(decided)
        }
        Err(error) => {
            tracing::debug!(%error, "what was decided on what was expected is decided again");
            counter!(figures::SPECULATED, "result" => "again").increment(batch.len() as u64);
            Err(told)
        }
    }
}

/// Whether that is what was expected of each command.
fn is_so<D: Domain>(told: &Told<D>, expected: &[Waiting<D>]) -> bool {
    told.len() == expected.len()
        && told.iter().zip(expected).all(|(told, expected)| match (told, &expected.facts) {
            (Ok(told), Ok(expected)) => told == expected,
            _ => false,
        })
}
