//! The states of streams, and who holds which claims, kept between batches. The head tells whether they are current, so any
//! number of replicas may write: who finds the head moved reads what the others wrote, forgets the claims, and goes on.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use lru::LruCache;
use uuid::Uuid;

use crate::claims::{Claims, Missing};
use crate::database::{Connection, StoreError};
use crate::domain::{Claim, Domain, Needs, Recorded, Stream};
use crate::journal::{self, Head, Row};

/// Streams that are kept, at most.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
/// How much they may take together, in bytes, about. The bookings of 128 showtimes of 400 seats that sell out side by side
/// fit; a showtime that doesn't is read anew with each of its bookings. With 128 side by side and room for 80, bookings of
/// 256 connections took 1.2 times the processor time, and 500 a second three times as long.
const BYTES: usize = 12 << 20;
/// Claims that are kept, at most.
const CLAIMS: usize = 10_000;
/// Being further behind than this, starting afresh costs less than catching up.
const CATCH_UP: u64 = 20_000;

/// Streams' states and claims' holders as of one head.
pub(crate) struct Cache<D: Domain> {
    streams: LruCache<Uuid, Kept<D>>,
    /// What all of them take.
    bytes: usize,
    /// Of claims that were needed, also that nobody holds them: what commands look for is mostly what nobody holds.
    holders: HashMap<Claim, Option<Uuid>>,
    head: Head,
    /// Whether the head was this when it was looked at last.
    stood: bool,
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
        // One that is made with its bound takes room for all of it at once.
        let mut streams = LruCache::unbounded();
        streams.resize(CAPACITY);
        let (holders, head) = (HashMap::new(), Head::default());
        Self { streams, bytes: 0, holders, head, stood: false }
    }
}

impl<D: Domain> Cache<D> {
    /// The head of which all that is kept is, where one may expect that it still is the head: `None` when somebody else was
    /// found to have moved it, until it has stood still once.
    pub(crate) fn head(&self) -> Option<Head> {
        self.stood.then_some(self.head)
    }

    /// Whether all that is kept is of this head.
    pub(crate) fn is_of(&self, head: Head) -> bool {
        self.head == head
    }

    /// Brings what is kept up to `head`.
    ///
    /// # Errors
    /// When the store is away, or holds events that this program does not know.
    pub(crate) async fn catch_up(&mut self, connection: &mut Connection, head: Head) -> Result<(), StoreError> {
        self.stood = head == self.head;
        if !self.stood {
            self.holders.clear();
        }
        let (before, position) = (self.head.position, head.position);
        if self.streams.is_empty() || position < before || position - before > CATCH_UP {
            self.clear();
        } else if position > before {
            let rows = journal::between(connection, before, position).await?;
            if let Err(error) = rows.iter().try_for_each(|row| self.advance(row)) {
                self.clear();
                return Err(error);
            }
        }
        self.head = head;
        Ok(())
    }

    /// Who holds the claims that are needed, as of the head that was caught up to; what isn't kept is loaded.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn claims(
        &mut self,
        connection: &mut Connection,
        needs: Vec<Needs>,
    ) -> Result<Claims, StoreError> {
        let (claims, missing) = self.kept_claims(needs);
        self.complete_claims(connection, claims, missing).await
    }

    /// Loads those that are missing, and keeps them.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn complete_claims(
        &mut self,
        connection: &mut Connection,
        mut claims: Claims,
        missing: Missing,
    ) -> Result<Claims, StoreError> {
        claims.load(connection, &missing).await?;
        self.keep(self.head, &claims, missing);
        Ok(claims)
    }

    /// Who holds the claims that are needed, of those that are kept; and which have to be loaded.
    pub(crate) fn kept_claims(&self, needs: Vec<Needs>) -> (Claims, Missing) {
        Claims::kept(needs, &self.holders)
    }

    /// Keeps what was loaded when the head was this.
    pub(crate) fn keep(&mut self, head: Head, claims: &Claims, loaded: Missing) {
        if head != self.head {
            return;
        }
        if self.holders.len() > CLAIMS {
            self.holders.clear();
        }
        self.holders.extend(claims.of(loaded));
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
    /// As for [`Self::complete`].
    pub(crate) async fn load(
        &mut self,
        connection: &mut Connection,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, Stream<D::State>>, StoreError> {
        let (mut found, missing) = self.take(ids);
        self.complete(connection, &mut found, &missing).await?;
        Ok(found)
    }

    /// The states of these streams, of those that are kept; and which have to be [loaded](Self::complete).
    pub(crate) fn take(&mut self, ids: impl IntoIterator<Item = Uuid>) -> (HashMap<Uuid, Stream<D::State>>, Vec<Uuid>) {
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
        (found, missing)
    }

    /// Loads what is missing, in one query.
    ///
    /// # Errors
    /// When the store is away, or holds events that this program does not know.
    pub(crate) async fn complete(
        &self,
        connection: &mut Connection,
        found: &mut HashMap<Uuid, Stream<D::State>>,
        missing: &[Uuid],
    ) -> Result<(), StoreError> {
        if missing.is_empty() {
            return Ok(());
        }
        for row in journal::streams(connection, missing, self.head.position).await? {
            if let Some(stream) = found.get_mut(&row.stream_id.0) {
                advance::<D>(stream, &row)?;
            }
        }
        Ok(())
    }

    /// Keeps these states.
    pub(crate) fn put_back(&mut self, streams: HashMap<Uuid, Stream<D::State>>) {
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
    }

    /// Moves on to the head that a transaction of ours has made, with what it has changed.
    pub(crate) fn move_on(&mut self, head: Head, streams: HashMap<Uuid, Stream<D::State>>, claims: &Claims) {
        self.put_back(streams);
        claims.update(&mut self.holders);
        self.head = head;
    }
}

fn advance<D: Domain>(stream: &mut Stream<D::State>, row: &Row) -> Result<(), StoreError> {
    let recorded: Recorded<D::Event> = row.read()?;
    stream.version = recorded.version;
    D::apply(&mut stream.state, &recorded);
    Ok(())
}
