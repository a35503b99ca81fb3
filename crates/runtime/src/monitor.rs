//! Looks after a service while it runs: whether its store can be used, how far relay and projections are behind, how many
//! commands wait and how many dead letters there are. One look a second, a handful of cheap questions.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use async_nats::jetstream::Context;
use contracts::Service;
use contracts::subjects::{COMMANDS_CONSUMER, DEAD_LETTERS_STREAM};
use futures_util::TryStreamExt;
use metrics::gauge;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, StoreError};
use crate::follower::Checkpoint;
use crate::health::{Check, Health, Pulse};
use crate::progress::Progress;
use crate::streams::existing_stream;
use crate::{events, figures, journal};

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);
/// How long a question may take. A store that needs longer for the easiest one can't be used.
const PATIENCE: Duration = Duration::from_secs(2);
/// A lag is worth telling when it lasts; with traffic there is nearly always one.
const WORTH_TELLING: Duration = Duration::from_secs(2);
/// How long the monitor itself may give no sign of life: several times what all its questions may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What the monitor looks at.
pub(crate) struct Monitor {
    database: Database,
    jetstream: Context,
    service: Service,
    followers: Vec<Followed>,
    store: Check,
    /// Looks in a row at which the store could not be used.
    failures: u32,
    lag: Check,
    pulse: Pulse,
    since: BTreeMap<String, Instant>,
}

/// A follower, and how far it has come.
pub(crate) type Followed = (Checkpoint, Progress);

impl Monitor {
    pub(crate) fn new(
        database: Database,
        jetstream: Context,
        service: Service,
        followers: Vec<Followed>,
        health: &Health,
    ) -> Self {
        let (store, lag, pulse) = (health.check("store"), health.check("lag"), health.pulse("monitor", LIMIT));
        Self { database, jetstream, service, followers, store, failures: 0, lag, pulse, since: BTreeMap::new() }
    }

    /// Looks until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { _ = looks.tick() => {}, () = shutdown.cancelled() => return }
            tokio::select! { () = self.look() => {}, () = shutdown.cancelled() => return }
            self.pulse.beat();
        }
    }

    async fn look(&mut self) {
        let [busy, idle, waiting] = self.database.usage().map(whole);
        gauge!(figures::POOL, "state" => "busy").set(busy);
        gauge!(figures::POOL, "state" => "idle").set(idle);
        gauge!(figures::POOL_WAITING).set(waiting);
        let head = match timeout(PATIENCE, self.head()).await {
            Ok(head) => head,
            Err(_) => Err(StoreError::Away(format!("no answer within {} s", PATIENCE.as_secs()))),
        };
        match &head {
            Ok(_) => {
                self.failures = 0;
                self.store.set(Ok(()));
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.store.trouble(self.failures, &error.to_string());
            }
        }
        // Without the broker, the last figures stay, and the check "broker" tells why.
        let mut late = Vec::new();
        if let Some(remark) = self.relay(head.ok()).await {
            late.push(remark);
        }
        late.extend(self.projections().await);
        match late.as_slice() {
            [] => self.lag.set(Ok(())),
            late => self.lag.note(late.join("; ")),
        }
        self.commands().await;
        self.dead_letters().await;
    }

    async fn head(&self) -> Result<u64, StoreError> {
        journal::head(&mut *self.database.connection().await?).await
    }

    /// How far the stream is behind the journal.
    async fn relay(&mut self, head: Option<u64>) -> Option<String> {
        // The stream after the journal, so that what is published meanwhile makes the lag smaller, not negative.
        let (head, last) = (head?, last_sequence(&self.jetstream, self.service).await?);
        let behind = head.saturating_sub(last);
        let lasts = self.lasts("relay", behind > 0);
        gauge!(figures::RELAY_LAG).set(float(behind));
        gauge!(figures::RELAY_LAG_SECONDS).set(lasts.as_secs_f64());
        (lasts > WORTH_TELLING).then(|| format!("{behind} events wait to be published, for {} s", lasts.as_secs()))
    }

    /// How far each follower is behind the stream that it follows.
    async fn projections(&mut self) -> Vec<String> {
        let mut lasts_by_source: BTreeMap<Service, Option<u64>> = BTreeMap::new();
        let mut late = Vec::new();
        for (checkpoint, progress) in self.followers.clone() {
            let Checkpoint { name, source } = checkpoint;
            let last = match lasts_by_source.get(&source) {
                Some(last) => *last,
                None => last_sequence(&self.jetstream, source).await,
            };
            lasts_by_source.insert(source, last);
            let Some(last) = last else { continue };
            let behind = last.saturating_sub(progress.position());
            let lasts = self.lasts(&format!("{name} {source}"), behind > 0);
            let labels = [("projection", name), ("source", source.name())];
            gauge!(figures::PROJECTION_LAG, &labels).set(float(behind));
            gauge!(figures::PROJECTION_LAG_SECONDS, &labels).set(lasts.as_secs_f64());
            if lasts > WORTH_TELLING {
                late.push(format!("{name} is {behind} events of {source} behind, for {} s", lasts.as_secs()));
            }
        }
        late
    }

    /// How long a lag of this name has lasted.
    fn lasts(&mut self, name: &str, lags: bool) -> Duration {
        if !lags {
            self.since.remove(name);
            return Duration::ZERO;
        }
        self.since.entry(name.to_owned()).or_insert_with(Instant::now).elapsed()
    }

    async fn commands(&self) {
        let waiting = patient(async {
            let stream = self.jetstream.get_stream_no_info(self.service.commands_stream()).await?;
            let info = stream.consumer_info(COMMANDS_CONSUMER).await?;
            Ok(info.num_pending.saturating_add(u64::try_from(info.num_ack_pending)?))
        });
        if let Some(waiting) = waiting.await {
            gauge!(figures::WAITING).set(float(waiting));
        }
    }

    async fn dead_letters(&self) {
        let kept = patient(async {
            let Some(stream) = existing_stream(&self.jetstream, DEAD_LETTERS_STREAM).await? else { return Ok(0) };
            let subjects = stream.info_with_subjects(self.service.dead_letters()).await?;
            let counts: Vec<(String, usize)> = subjects.try_collect().await?;
            Ok(counts.iter().map(|(_, letters)| letters).sum())
        });
        if let Some(kept) = kept.await {
            gauge!(figures::DEAD_LETTERS).set(whole(kept));
        }
    }
}

/// Where a service's event stream ends; `None` while the broker is away or has none.
async fn last_sequence(jetstream: &Context, service: Service) -> Option<u64> {
    patient(async { Ok(events::bounds(jetstream, service).await?.1) }).await
}

/// The answer of the broker, if it comes; what is the matter otherwise, the check "broker" tells.
async fn patient<T>(answer: impl Future<Output = Result<T, async_nats::Error>>) -> Option<T> {
    timeout(PATIENCE, answer).await.ok()?.ok()
}

/// A figure as Prometheus has it: exact up to 2^53.
fn float(number: u64) -> f64 {
    number as f64
}

fn whole(number: usize) -> f64 {
    number as f64
}
