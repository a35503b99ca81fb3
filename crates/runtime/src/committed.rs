//! Committed state, for questions of other services: as fresh as the journal, where a projection may be behind.

use std::collections::HashMap;
use std::sync::Arc;

use contracts::AsOf;
use diesel_async::pooled_connection::deadpool::Object;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;
use uuid::Uuid;

use crate::cache::Cache;
use crate::database::{Connection, Database, StoreError};
use crate::domain::{Claim, Domain, Needs, Stream};
use crate::journal::Head;
use crate::lease::Lease;

/// The service's committed state.
pub struct Committed<D: Domain> {
    database: Database,
    lease: Lease,
    /// Apart from the command loop's, so that neither waits for the other.
    kept: Arc<Mutex<Cache<D>>>,
}

impl<D: Domain> Clone for Committed<D> {
    fn clone(&self) -> Self {
        Self { database: self.database.clone(), lease: self.lease.clone(), kept: Arc::clone(&self.kept) }
    }
}

impl<D: Domain> Committed<D> {
    pub(crate) fn new(database: Database, lease: Lease) -> Self {
        Self { database, lease, kept: Arc::default() }
    }

    /// The store, for what the service keeps beside its journal and commits with it.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Looks at the state of this moment. One reading at a time: the questions that come in are few and large.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn read(&self) -> Result<Reading<D>, StoreError> {
        self.look(false).await
    }

    /// The same for somebody who is told for how long nobody will change it ([`Reading::as_of`]).
    ///
    /// # Errors
    /// When the store is away.
    pub async fn hold(&self) -> Result<Reading<D>, StoreError> {
        self.look(true).await
    }

    async fn look(&self, promise: bool) -> Result<Reading<D>, StoreError> {
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        let mut store = Store { database: self.database.clone(), connection: None };
        let (head, until) = match self.lease.head(promise).await {
            Some(leased) => leased,
            None => (Head::read(store.connection().await?).await?, None),
        };
        if !kept.is_of(head) {
            kept.catch_up(store.connection().await?, head).await?;
        }
        let (streams, holders, empty) = Default::default();
        Ok(Reading { kept, store, head, until, streams, holders, empty })
    }
}

/// The store, connected to when it is needed.
struct Store {
    database: Database,
    connection: Option<Object<Connection>>,
}

impl Store {
    async fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.connection().await?,
        };
        Ok(self.connection.insert(connection))
    }
}

/// A look at committed state; loads what it's asked for.
pub struct Reading<D: Domain> {
    kept: OwnedMutexGuard<Cache<D>>,
    store: Store,
    head: Head,
    /// Until then nobody writes.
    until: Option<Instant>,
    streams: HashMap<Uuid, Stream<D::State>>,
    holders: HashMap<Claim, Option<Uuid>>,
    empty: D::State,
}

impl<D: Domain> Reading<D> {
    /// Loads streams and claims, with their holders' streams; can be called again for more.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn load(&mut self, mut needs: Needs) -> Result<(), StoreError> {
        let streams = std::mem::take(&mut needs.streams);
        let (mut claims, missing) = self.kept.kept_claims(vec![needs]);
        if !missing.is_empty() {
            claims = self.kept.complete_claims(self.store.connection().await?, claims, missing).await?;
        }
        let holders = claims.into_holders();
        let ids = streams.into_iter().chain(holders.values().copied().flatten());
        let wanted: Vec<Uuid> = ids.filter(|id| !self.streams.contains_key(id)).collect();
        let (mut found, missing) = self.kept.take(wanted);
        if !missing.is_empty() {
            self.kept.complete(self.store.connection().await?, &mut found, &missing).await?;
        }
        self.streams.extend(found);
        self.holders.extend(holders);
        Ok(())
    }

    /// Which state this is, and for how long.
    pub fn as_of(&self) -> AsOf {
        let Head { position, changes } = self.head;
        let holds = self.until.map_or(0, |until| until.saturating_duration_since(Instant::now()).as_millis());
        AsOf { position, changes, holds_ms: u64::try_from(holds).unwrap_or_default() }
    }

    /// The state of a stream that was loaded; the default for one without events.
    pub fn state(&self, stream: impl Into<Uuid>) -> &D::State {
        self.streams.get(&stream.into()).map_or(&self.empty, |stream| &stream.state)
    }

    /// The states of the streams that hold claims of a kind whose values start so, of those that were loaded.
    pub fn holders<'a>(&'a self, kind: &str, prefix: &str) -> impl Iterator<Item = (Uuid, &'a D::State)> {
        let held = self.holders.iter().filter(move |(claim, _)| claim.kind == kind && claim.value.starts_with(prefix));
        held.filter_map(|(_, holder)| holder.and_then(|id| Some((id, &self.streams.get(&id)?.state))))
    }

    /// The stream that holds a claim that was loaded.
    pub fn holder(&self, claim: &Claim) -> Option<Uuid> {
        self.holders.get(claim).copied().flatten()
    }
}

/// What was taken out of the cache goes back.
impl<D: Domain> Drop for Reading<D> {
    fn drop(&mut self) {
        self.kept.put_back(std::mem::take(&mut self.streams));
    }
}
