//! The newest events of all services in one order, kept once for all listeners. A listener has no queue here: it has a
//! [`Place`], and takes what lies behind it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_nats::jetstream::Context;
use contracts::{Case, Problem, Service};
use runtime::database::backoff;
use runtime::events::{Published, bounds};
use runtime::live::follow;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::changes::Changes;
use super::entry::Entry;
use super::owners::Owners;
use super::place::Place;

/// So many bytes of events are kept: the last 2,000 bookings, about. Who is further behind reads them from the stream.
const BYTES: usize = 2 << 20;
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
    changes: Changes,
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
        let kept = RwLock::new(Kept::new(Place::default()));
        let tail = Arc::new(Self { kept, reached: watch::Sender::new(None), changes: Changes::new() });
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
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Kept::new(base);
        // What happened before is not read.
        self.changes.all(&base);
        let (tail, target, owners) = (&*self, &target, &*owners);
        let [users, movies, bookings] = Service::ALL.map(|service| {
            let take = move |events: Vec<Published>| tail.push(service, events, target, owners);
            follow(&jetstream, service, base.get(service), take)
        });
        // Nothing to catch up with is being caught up.
        tail.push(Service::Users, Vec::new(), target, owners);
        tokio::join!(users, movies, bookings);
    }

    fn push(&self, service: Service, events: Vec<Published>, target: &Place, owners: &Owners) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let position = event.position;
            kept.reached.set(service, position);
            match Entry::new(service, event) {
                Some(entry) => {
                    owners.learn(&entry);
                    self.changes.note(&entry);
                    kept.push(entry);
                }
                None => {
                    tracing::error!(%service, position, "an event is not JSON");
                    self.changes.all(&kept.reached);
                }
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

    /// How far it has come; `None` until it has once caught up.
    pub(crate) fn reached(&self) -> Option<Place> {
        *self.reached.borrow()
    }

    /// Where what was last changed, up to there at least.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
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
        self.kept.read().unwrap_or_else(PoisonError::into_inner).behind(place, most)
    }
}

impl Kept {
    /// Nothing yet, to go on from this place.
    fn new(start: Place) -> Self {
        Self { base: start, reached: start, entries: VecDeque::new(), bytes: 0 }
    }

    fn behind(&self, place: &Place, most: usize) -> Behind {
        if let Some(service) = Service::ALL.into_iter().find(|service| place.get(*service) < self.base.get(*service)) {
            return Behind::Gone(service);
        }
        let start = self.entries.partition_point(|(behind, _)| place.covers(behind));
        let entries = self.entries.range(start..).filter(|(_, entry)| entry.position > place.get(entry.service));
        Behind::Kept(entries.take(most).cloned().collect())
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    /// A tail that goes on from `u1.m1.b1` with these events, each of so many bytes.
    fn kept(events: &[(Service, u64)], bytes: usize) -> Kept {
        let mut kept = Kept::new(place("u1.m1.b1"));
        for (service, position) in events {
            let event = Published {
                position: *position,
                event_type: "happened.v1".into(),
                entity: Uuid::nil(),
                recorded_at: DateTime::UNIX_EPOCH,
                data: Bytes::new(),
                json: Some(json!("x".repeat(bytes)).to_string().into()),
            };
            kept.reached.set(*service, *position);
            kept.push(Entry::new(*service, event).unwrap());
        }
        kept
    }

    /// What lies behind a place: the places behind each.
    fn behind(kept: &Kept, text: &str) -> Result<String, Service> {
        match kept.behind(&place(text), 3) {
            Behind::Gone(service) => Err(service),
            Behind::Kept(entries) => {
                let places: Vec<String> = entries.iter().map(|(behind, _)| behind.to_string()).collect();
                Ok(places.join(" "))
            }
        }
    }

    const EVENTS: [(Service, u64); 5] = [
        (Service::Users, 2),
        (Service::Bookings, 2),
        (Service::Movies, 2),
        (Service::Bookings, 3),
        (Service::Users, 3),
    ];

    #[test]
    fn what_lies_behind_a_place_comes_in_order_and_once() {
        let kept = kept(&EVENTS, 1);
        assert_eq!(behind(&kept, "u1.m1.b1").unwrap(), "u2.m1.b1 u2.m1.b2 u2.m2.b2", "at most three");
        assert_eq!(behind(&kept, "u2.m2.b2").unwrap(), "u2.m2.b3 u3.m2.b3");
        assert_eq!(behind(&kept, "u3.m2.b3").unwrap(), "");
        // A place of another gateway, which heard of bookings before it heard of users.
        assert_eq!(behind(&kept, "u1.m1.b3").unwrap(), "u2.m1.b1 u2.m2.b2 u3.m2.b3");
        // Ahead in one journal only.
        assert_eq!(behind(&kept, "u9.m2.b3").unwrap(), "");
    }

    #[test]
    fn the_oldest_are_dropped_and_who_needs_them_is_told_so() {
        let kept = kept(&EVENTS, BYTES / 3);
        assert_eq!(kept.base, place("u2.m2.b2"), "two fit");
        assert_eq!(behind(&kept, "u2.m2.b2").unwrap(), "u2.m2.b3 u3.m2.b3");
        assert_eq!(behind(&kept, "u1.m2.b3").unwrap_err(), Service::Users);
        assert_eq!(behind(&kept, "u2.m2.b1").unwrap_err(), Service::Bookings);
    }
}
