//! Events that are kept no more, read from the streams: for listeners who come back after long, or start early.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use chrono::TimeDelta;
use contracts::{Case, Problem, Service};
use runtime::events::{batch, bounds, position_at};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::entry::Entry;
use super::owners::Owners;
use super::place::Place;
use super::wanted::Start;

/// Events that are read at once, for one listener.
const EVENTS: usize = 200;
/// Listeners for whom is read at the same time; more wait, and the newest events reach everybody meanwhile.
const AT_ONCE: usize = 8;
/// How long a read may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// So far the services' clocks may be behind the broker's. What comes too early by it is not shown.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// Reads the streams.
pub(crate) struct History {
    jetstream: Context,
    owners: Arc<Owners>,
    free: Semaphore,
}

impl History {
    pub(crate) fn new(jetstream: Context, owners: Arc<Owners>) -> Self {
        Self { jetstream, owners, free: Semaphore::new(AT_ONCE) }
    }

    /// Some events of a service behind this place, each with the place behind it.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when the broker is away.
    pub(crate) async fn read(
        &self,
        service: Service,
        mut place: Place,
    ) -> Result<Vec<(Place, Arc<Entry>)>, async_nats::Error> {
        let events = {
            let _free = self.free.acquire().await?;
            timeout(PATIENCE, batch(&self.jetstream, service, place.get(service), EVENTS)).await??
        };
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            let entry = Entry::new(service, event).ok_or("an event is not JSON")?;
            self.owners.learn(&entry);
            place.set(service, entry.position);
            entries.push((place, Arc::new(entry)));
        }
        Ok(entries)
    }

    /// The place in front of the first event that is wanted, when the newest is at `now`.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when the broker is away.
    pub(crate) async fn start(&self, start: Start, now: Place) -> Result<Place, Problem> {
        let mut place = now;
        for service in Service::ALL {
            let position = async {
                match start {
                    Start::Now => Ok(now.get(service)),
                    Start::Beginning => Ok(bounds(&self.jetstream, service).await?.0 - 1),
                    Start::At(time) => {
                        let position = position_at(&self.jetstream, service, time - SKEW).await?;
                        Ok(position.unwrap_or(now.get(service)))
                    }
                }
            };
            let position = timeout(PATIENCE, position).await.map_err(async_nats::Error::from).flatten();
            place.set(service, position.map_err(unavailable)?.min(now.get(service)));
        }
        Ok(place)
    }

    /// Refuses a place behind which events are missing.
    ///
    /// # Errors
    /// `InvalidInput` then; [`Case::Unavailable`] when the broker is away.
    pub(crate) async fn check(&self, place: &Place) -> Result<(), Problem> {
        for service in Service::ALL {
            let (first, _) = bounds(&self.jetstream, service).await.map_err(unavailable)?;
            if place.get(service) < first - 1 {
                let detail = format!("events of the {service} service are kept from {first} on only");
                return Err(Problem::invalid("Last-Event-ID", detail));
            }
        }
        Ok(())
    }
}

fn unavailable(error: async_nats::Error) -> Problem {
    tracing::debug!(%error, "events could not be read");
    Problem::new(Case::Unavailable, "the events cannot be read at the moment")
}
