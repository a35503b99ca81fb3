//! Committed state, for questions of other services: as fresh as the journal, where a projection may be behind.

use std::collections::HashMap;
use std::sync::Arc;

use diesel_async::pooled_connection::deadpool::Object;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::cache::Cache;
use crate::database::{Connection, Database, StoreError};
use crate::domain::{Claim, Domain, Needs, Stream};
use crate::journal::Head;

/// The service's committed state.
pub struct Committed<D: Domain> {
    database: Database,
    /// Apart from the command loop's, so that neither waits for the other.
    kept: Arc<Mutex<Cache<D>>>,
}

impl<D: Domain> Clone for Committed<D> {
    fn clone(&self) -> Self {
        Self { database: self.database.clone(), kept: Arc::clone(&self.kept) }
    }
}

impl<D: Domain> Committed<D> {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, kept: Arc::default() }
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
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        let mut connection = self.database.connection().await?;
        let head = Head::read(&mut connection).await?;
        kept.catch_up(&mut connection, head).await?;
        Ok(Reading { kept, connection, streams: HashMap::new(), holders: HashMap::new(), empty: D::State::default() })
    }
}

/// A look at committed state; loads what it's asked for.
pub struct Reading<D: Domain> {
    kept: OwnedMutexGuard<Cache<D>>,
    connection: Object<Connection>,
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
        let holders = self.kept.claims(&mut self.connection, vec![needs]).await?.into_holders();
        let ids = streams.into_iter().chain(holders.values().copied().flatten());
        let missing: Vec<Uuid> = ids.filter(|id| !self.streams.contains_key(id)).collect();
        self.streams.extend(self.kept.load(&mut self.connection, missing).await?);
        self.holders.extend(holders);
        Ok(())
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
