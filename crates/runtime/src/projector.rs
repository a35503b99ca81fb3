//! Projections: read tables made of events. Rows and checkpoint change in one transaction that locks the checkpoint,
//! so every event counts exactly once, whatever number of replicas project.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use contracts::EventSet;
use futures_util::FutureExt;

use crate::database::{Connection, Database, StoreError};
use crate::domain::Recorded;
use crate::follower::{Checkpoint, Work};

/// How long an event waits to be projected together with those that follow, unless a query waits for it.
const GATHER: Duration = Duration::from_millis(20);

/// A read table, or several, made of one service's events.
pub trait Projection: Send + Sync + 'static {
    /// Of which.
    type Event: EventSet;
    /// The name of its checkpoint. Changing it makes the projection start from the first event.
    const NAME: &'static str;
    /// The tables that it keeps, and nobody else.
    const TABLES: &'static [&'static str];

    /// Changes the rows. Events come in order, each once; other transactions see the rows when the checkpoint has moved.
    fn project(
        connection: &mut Connection,
        events: &[Recorded<Self::Event>],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Runs a projection.
pub(crate) struct Projector<P> {
    database: Database,
    projection: PhantomData<fn() -> P>,
}

impl<P: Projection> Projector<P> {
    pub(crate) const CHECKPOINT: Checkpoint = Checkpoint { name: P::NAME, source: P::Event::SERVICE };

    pub(crate) fn new(database: Database) -> Self {
        Self { database, projection: PhantomData }
    }
}

impl<P: Projection> Work for Projector<P> {
    type Event = P::Event;
    const GATHER: Duration = GATHER;

    async fn work(&self, from: u64, events: Vec<Recorded<P::Event>>) -> Result<u64, async_nats::Error> {
        let events = Arc::new(events);
        let reached = self.database.transaction(|connection| {
            let events = Arc::clone(&events);
            async move {
                // Another replica was faster than the events came here: those up to `from` are among them.
                let fresh = behind(&events, from);
                let last = fresh.last().map_or(from, |event| event.position);
                if !fresh.is_empty() && Self::CHECKPOINT.advance(connection, from, last).await? {
                    P::project(connection, fresh).await?;
                    return Ok(last);
                }
                // Or is faster now.
                let done = Self::CHECKPOINT.lock(connection).await?;
                if done < from {
                    return Ok(done);
                }
                let fresh = behind(&events, done);
                let Some(last) = fresh.last().map(|event| event.position) else { return Ok(done) };
                P::project(connection, fresh).await?;
                Self::CHECKPOINT.set(connection, last).await?;
                Ok(last)
            }
            .boxed()
        });
        let reached = reached.await?;
        // Somebody makes the tables anew: what lies between has to be read again.
        if reached < from { Err("the checkpoint was set back".into()) } else { Ok(reached) }
    }
}

/// The events that follow this position, of some in order.
fn behind<E>(events: &[Recorded<E>], position: u64) -> &[Recorded<E>] {
    let start = events.partition_point(|event| event.position <= position);
    events.get(start..).unwrap_or_default()
}
