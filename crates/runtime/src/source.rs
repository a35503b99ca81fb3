//! Where a follower's events come from: the broker, and for those of the own service the [`Handover`] as well.
//!
//! What was committed here need not come back from the broker: each event has thirteen headers to send, to read and to
//! throw away. While one replica does all that is decided, the broker is not asked at all. With that, 64 clients that book had
//! 1.1 times the throughput; more of them, and one alone, had no less.

use std::future::pending;
use std::marker::PhantomData;
use std::time::Duration;

use async_nats::jetstream::{Context, Message};
use contracts::EventSet;
use tokio::time::timeout;

use crate::cloud_events;
use crate::domain::Recorded;
use crate::events::Reader;
use crate::handover::{Fresh, Handed, Handover};

/// So many events that were handed over without a hole show that no other replica writes.
const STEADY: usize = 500;
/// When nothing was handed over for so long, another replica may have written. Longer than a batch takes: 256 clients that book
/// wait for one of up to 60 ms, and with 20 ms, the broker was asked again after each; without that, a booking of theirs took
/// 0.94 to 0.99 times the processor time.
const PAUSE: Duration = Duration::from_millis(100);

/// Events behind a position, each once and in order.
pub(crate) struct Source<E> {
    jetstream: Context,
    position: u64,
    /// `None` while everything is handed over.
    reader: Option<Reader>,
    fresh: Option<Fresh>,
    /// Events that were handed over since one was not.
    steady: usize,
    event: PhantomData<fn() -> E>,
}

impl<E: EventSet> Source<E> {
    /// Starts behind `position`.
    ///
    /// # Errors
    /// When the broker is away, or has no such stream yet.
    pub(crate) async fn open(
        jetstream: &Context,
        position: u64,
        handover: Option<&Handover>,
    ) -> Result<Self, async_nats::Error> {
        let fresh = handover.map(Handover::follow);
        let reader = Some(Reader::open(jetstream, E::SERVICE, position).await?);
        let event = PhantomData;
        Ok(Self { jetstream: jetstream.clone(), position, reader, fresh, steady: 0, event })
    }

    /// The events that are there, at least one: waits for it. Cancelling loses none.
    ///
    /// # Errors
    /// Whatever is in the way, after which this is of no more use. Nothing is skipped.
    pub(crate) async fn next(&mut self) -> Result<Vec<Recorded<E>>, async_nats::Error> {
        loop {
            let events = match &mut self.reader {
                Some(reader) => {
                    let start = reader.position();
                    tokio::select! {
                        handed = handed(&mut self.fresh, self.position) => self.take(handed)?,
                        messages = reader.next() => self.read(start, &messages?)?,
                    }
                }
                None => match timeout(PAUSE, handed(&mut self.fresh, self.position)).await {
                    Ok(handed @ Some(_)) => self.take(handed)?,
                    Ok(None) | Err(_) => {
                        self.reader = Some(Reader::open(&self.jetstream, E::SERVICE, self.position).await?);
                        self.steady = 0;
                        continue;
                    }
                },
            };
            if let Some(last) = events.last() {
                self.position = last.position;
                return Ok(events);
            }
        }
    }

    fn take(&mut self, handed: Option<Handed>) -> Result<Vec<Recorded<E>>, async_nats::Error> {
        let Some(rows) = handed else { return Ok(Vec::new()) };
        self.steady += rows.len();
        if self.steady >= STEADY {
            self.reader = None;
        }
        Ok(rows.iter().map(|row| row.read()).collect::<Result<_, _>>()?)
    }

    /// Reads messages behind this position, as far as they were not handed over before.
    fn read(&mut self, start: u64, messages: &[Message]) -> Result<Vec<Recorded<E>>, async_nats::Error> {
        let known = usize::try_from(self.position.saturating_sub(start))?;
        let events: Vec<_> = messages.iter().skip(known).map(cloud_events::read).collect::<Result<_, _>>()?;
        if !events.is_empty() {
            self.steady = 0;
        }
        Ok(events)
    }
}

async fn handed(fresh: &mut Option<Fresh>, position: u64) -> Option<Handed> {
    match fresh {
        Some(fresh) => fresh.next(position).await,
        None => pending().await,
    }
}
