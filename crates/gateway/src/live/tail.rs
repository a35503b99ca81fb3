//! The newest events of all services in one order, kept once for all listeners. A listener has no queue here: it has a
//! [`Place`], and takes what lies behind it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_nats::jetstream::Context;
use contracts::{Case, Problem, Service};
use runtime::database::backoff;
use runtime::events::{Published, bounds, follow};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::entry::Entry;
use super::owners::Owners;
use super::place::Place;

/// So many bytes of events are kept.
const BYTES: usize = 16 << 20;
/// What an event costs beside its text, about.
const OVERHEAD: usize = 300;
/// So many of each service's newest events are read at the start: after a gateway's restart all listeners come back.
const AT_START: u64 = 256;
/// So far the pauses grow until a service has made its stream, which is about half a second.
const SOON: u32 = 5;
/// How long a listener waits for what they have seen already, perhaps through another gateway.
const PATIENCE: Duration = Duration::from_secs(2);

/// The newest events.
pub(crate) struct Tail {
    kept: RwLock<Kept>,
    /// How far it has come; `None` until it has once caught up.
    reached: watch::Sender<Option<Place>>,
}

struct Kept {
    /// In front of the oldest entry.
    base: Place,
    /// Behind the newest.
    reached: Place,
    /// Each with the place behind it.
    entries: VecDeque<(Place, Arc<Entry>)>,
    bytes: usize,
}

/// What lies behind a place.
#[derive(Debug)]
pub(crate) enum Behind {
    /// Entries, each with the place behind it. None when there is nothing new.
    Kept(Vec<(Place, Arc<Entry>)>),
    /// Events of this service that are kept no more, and have to be read from the stream.
    Gone(Service),
}

impl Tail {
    /// Follows all event streams; the task ends when the process does.
    pub(crate) fn start(jetstream: Context, owners: Arc<Owners>) -> Arc<Self> {
        let start = Place::default();
        let kept = Kept { base: start, reached: start, entries: VecDeque::new(), bytes: 0 };
        let tail = Arc::new(Self { kept: RwLock::new(kept), reached: watch::Sender::new(None) });
        tokio::spawn(Arc::clone(&tail).run(jetstream, owners));
        tail
    }

    async fn run(self: Arc<Self>, jetstream: Context, owners: Arc<Owners>) {
        let (mut base, mut target) = (Place::default(), Place::default());
        for service in Service::ALL {
            let (first, last) = bounds_of(&jetstream, service).await;
            base.set(service, last.saturating_sub(AT_START).max(first - 1));
            target.set(service, last);
        }
        self.kept.write().unwrap_or_else(PoisonError::into_inner).start_at(base);
        let (tail, target, owners) = (&*self, &target, &*owners);
        let [users, movies, bookings] = Service::ALL.map(|service| {
            let take = move |events: Vec<Published>| tail.push(service, &events, target, owners);
            follow(&jetstream, service, base.get(service), take)
        });
        // Nothing to catch up with is being caught up.
        tail.push(Service::Users, &[], target, owners);
        tokio::join!(users, movies, bookings);
    }

    fn push(&self, service: Service, events: &[Published], target: &Place, owners: &Owners) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            kept.reached.set(service, event.position);
            match Entry::new(service, event) {
                Ok(entry) => {
                    owners.learn(&entry);
                    kept.push(entry);
                }
                Err(error) => tracing::error!(%error, %service, event.position, "an event is not JSON"),
            }
        }
        let reached = kept.reached;
        drop(kept);
        self.reached.send_if_modified(|before| {
            let ready = before.is_some() || reached.covers(target);
            let modified = ready && *before != Some(reached);
            if modified {
                *before = Some(reached);
            }
            modified
        });
    }

    /// How far it has come, and when it has come further.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Place>> {
        self.reached.subscribe()
    }

    /// Waits until it has come to this place; tells how far it is.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when that takes too long.
    pub(crate) async fn reach(&self, wanted: &Place) -> Result<Place, Problem> {
        let mut watch = self.watch();
        let reached = watch.wait_for(|reached| reached.is_some_and(|reached| reached.covers(wanted)));
        match timeout(PATIENCE, reached).await {
            Ok(Ok(reached)) => Ok(reached.unwrap_or_default()),
            _ => Err(Problem::new(Case::Unavailable, format!("the events up to {wanted} are not here yet"))),
        }
    }

    /// At most `most` entries behind this place, oldest first.
    pub(crate) fn behind(&self, place: &Place, most: usize) -> Behind {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(service) = Service::ALL.into_iter().find(|service| place.get(*service) < kept.base.get(*service)) {
            return Behind::Gone(service);
        }
        let start = kept.entries.partition_point(|(behind, _)| place.covers(behind));
        let entries = kept.entries.range(start..).filter(|(_, entry)| entry.position > place.get(entry.service));
        Behind::Kept(entries.take(most).cloned().collect())
    }
}

impl Kept {
    fn start_at(&mut self, base: Place) {
        (self.base, self.reached) = (base, base);
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.block.len() + OVERHEAD;
        self.entries.push_back((self.reached, Arc::new(entry)));
        while self.bytes > BYTES
            && let Some((behind, oldest)) = self.entries.pop_front()
        {
            self.bytes -= oldest.block.len() + OVERHEAD;
            self.base = behind;
        }
    }
}

/// Where a service's stream begins and ends, as soon as there is one.
async fn bounds_of(jetstream: &Context, service: Service) -> (u64, u64) {
    let mut failures: u32 = 0;
    loop {
        match bounds(jetstream, service).await {
            Ok(bounds) => return bounds,
            Err(error) => {
                failures += 1;
                if failures > 2 && failures.is_power_of_two() {
                    tracing::warn!(%service, %error, failures, "there are no events to follow yet");
                }
                sleep(backoff(failures.min(SOON))).await;
            }
        }
    }
}
