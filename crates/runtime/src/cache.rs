//! The states of streams, kept between batches. The head's position tells whether they are current, so any number
//! of replicas may write: who finds the head moved reads what the others wrote and goes on.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use lru::LruCache;
use uuid::Uuid;

use crate::database::{Connection, StoreError};
use crate::domain::{Domain, Recorded, Stream};
use crate::journal::{self, Row};

/// Streams that are kept, at most.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
/// How much they may take together, in bytes, about. The bookings of 130 showtimes of 400 seats that sell out side by side
/// fit; a showtime that doesn't is read anew with each of its bookings. With 128 side by side and room for 80, bookings of
/// 256 connections took 1.2 times the processor time, and 500 a second three times as long.
const BYTES: usize = 16 << 20;
/// Being further behind than this, starting afresh costs less than catching up.
const CATCH_UP: u64 = 20_000;

/// Streams' states as of one position of the journal.
pub(crate) struct Cache<D: Domain> {
    streams: LruCache<Uuid, Kept<D>>,
    /// What all of them take.
    bytes: usize,
    position: u64,
}

/// A stream, and what it took when that was looked at last.
struct Kept<D: Domain> {
    stream: Stream<D::State>,
    bytes: usize,
}

impl<D: Domain> Kept<D> {
    fn new(stream: Stream<D::State>) -> Self {
        let bytes = size_of::<Self>() + D::bytes(&stream.state);
        Self { stream, bytes }
    }
}

impl<D: Domain> Default for Cache<D> {
    fn default() -> Self {
        Self { streams: LruCache::new(CAPACITY), bytes: 0, position: 0 }
    }
}

impl<D: Domain> Cache<D> {
    /// Of which position all that is kept is.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Brings what is kept up to `head`.
    ///
    /// # Errors
    /// When the store is away, or holds events that this program does not know.
    pub(crate) async fn catch_up(&mut self, connection: &mut Connection, head: u64) -> Result<(), StoreError> {
        if self.streams.is_empty() || head < self.position || head - self.position > CATCH_UP {
            self.clear();
        } else if head > self.position {
            let rows = journal::between(connection, self.position, head).await?;
            if let Err(error) = rows.iter().try_for_each(|row| self.advance(row)) {
                self.clear();
                return Err(error);
            }
        }
        self.position = head;
        Ok(())
    }

    fn advance(&mut self, row: &Row) -> Result<(), StoreError> {
        self.streams.peek_mut(&row.stream_id.0).map_or(Ok(()), |kept| advance::<D>(&mut kept.stream, row))
    }

    fn clear(&mut self) {
        self.streams.clear();
        self.bytes = 0;
    }

    /// The states of these streams as of the position that was caught up to; what isn't kept is loaded in one query.
    ///
    /// # Errors
    /// When the store is away, or holds events that this program does not know.
    pub(crate) async fn load(
        &mut self,
        connection: &mut Connection,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, Stream<D::State>>, StoreError> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for id in ids {
            if found.contains_key(&id) {
                continue;
            }
            // Taken out, not cloned: a hot showtime's state is large. `put_back` returns it.
            if let Some(Kept { stream, bytes }) = self.streams.pop(&id) {
                self.bytes -= bytes;
                found.insert(id, stream);
            } else {
                found.insert(id, Stream::default());
                missing.push(id);
            }
        }
        if !missing.is_empty() {
            for row in journal::streams(connection, &missing, self.position).await? {
                if let Some(stream) = found.get_mut(&row.stream_id.0) {
                    advance::<D>(stream, &row)?;
                }
            }
        }
        Ok(found)
    }

    /// Keeps these states, which are those of `position`.
    pub(crate) fn put_back(&mut self, streams: HashMap<Uuid, Stream<D::State>>, position: u64) {
        for (id, stream) in streams {
            let kept = Kept::new(stream);
            self.bytes += kept.bytes;
            // What it replaces, or what has not been used for longest.
            let gone = self.streams.push(id, kept);
            self.bytes -= gone.map_or(0, |(_, gone)| gone.bytes);
        }
        while self.bytes > BYTES
            && let Some((_, gone)) = self.streams.pop_lru()
        {
            self.bytes -= gone.bytes;
        }
        self.position = position;
    }
}

fn advance<D: Domain>(stream: &mut Stream<D::State>, row: &Row) -> Result<(), StoreError> {
    let recorded: Recorded<D::Event> = row.read()?;
    stream.version = recorded.version;
    D::apply(&mut stream.state, &recorded);
    Ok(())
}
