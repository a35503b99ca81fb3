//! One batch of commands in one transaction: everything that follows from them, or nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::ids::CommandId;
use contracts::{Actor, Case, Outcome, OutcomeStatus, Problem};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use futures_util::FutureExt;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::ahead::{self, Ahead};
use crate::cache::Cache;
use crate::claims::Claims;
use crate::database::{Connection, Database, StoreError};
use crate::domain::{Context, Decision, Domain, Needs, Recorded, Stream};
use crate::journal::{self, Head, Row};
use crate::outcomes::{self, Fingerprint, Known};

/// A command that waits for its decision.
pub(crate) struct Waiting<D: Domain> {
    pub(crate) id: CommandId,
    pub(crate) command: D::Command,
    /// As it came, for when it becomes a dead letter.
    pub(crate) payload: Bytes,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) actor: Actor,
    pub(crate) if_version: Option<u32>,
    pub(crate) expires: Option<DateTime<Utc>>,
    /// What other services know of it, or why they can't be asked at the moment.
    pub(crate) facts: Result<D::Facts, Problem>,
}

/// A batch that was decided.
pub(crate) struct Decided {
    /// For each command, in order: its outcome, or `None` for one that has to be tried again because its facts could not
    /// be had and it has not expired.
    pub(crate) outcomes: Vec<Option<Arc<Outcome>>>,
    /// What was added to the journal.
    pub(crate) rows: Vec<Row>,
}

/// Whether commands may have been decided before, or create what there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// None is taken for a repeat. Each outcome is written under its command's id, so the store refuses a batch in which
    /// one was; and it refuses a claim that somebody holds.
    Unexpected,
    /// Asks.
    Possible,
}

/// Decides a batch: ahead, if it was looked at and nothing has changed since. Repeats are rare, so it is asked for them only
/// when the store has refused one: that spares the store to look for each command and for what it creates.
pub(crate) async fn decide<D: Domain>(
    database: &Database,
    cache: &Arc<Mutex<Cache<D>>>,
    batch: &Arc<Vec<Waiting<D>>>,
    ahead: Option<Ahead>,
) -> Result<Decided, StoreError> {
    let mut repeats = Repeats::Unexpected;
    if let Some(ahead) = ahead {
        match ahead::decide(database, cache, batch, ahead).await {
            Ok(decided) => return Ok(decided),
            Err(error) if is_there(&error) => repeats = Repeats::Possible,
            Err(error) => tracing::debug!(%error, "what was decided ahead is decided again"),
        }
    }
    match decide_with(database, cache, batch, repeats).await {
        Err(error) if repeats == Repeats::Unexpected && is_there(&error) => {
            decide_with(database, cache, batch, Repeats::Possible).await
        }
        done => done,
    }
}

/// Whether the store has refused what is there already.
fn is_there(error: &StoreError) -> bool {
    matches!(error, StoreError::Refused(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
}

async fn decide_with<D: Domain>(
    database: &Database,
    cache: &Arc<Mutex<Cache<D>>>,
    batch: &Arc<Vec<Waiting<D>>>,
    repeats: Repeats,
) -> Result<Decided, StoreError> {
    let (settling, outcomes) = database
        .transaction(|connection| {
            let (cache, batch) = (Arc::clone(cache), Arc::clone(batch));
            async move {
                // What the batch touches is taken out of the cache and comes back after COMMIT: a transaction that
                // fails leaves no state behind that is not in the journal.
                let settling = Settling::begin(connection, &mut *cache.lock().await, &batch, repeats).await?;
                settling.settle(connection, &batch).await
            }
            .boxed()
        })
        .await?;
    let mut cache = cache.lock().await;
    if settling.moves() {
        cache.move_on(settling.head.moved(settling.position), settling.streams, &settling.claims);
    } else {
        cache.put_back(settling.streams);
    }
    Ok(Decided { outcomes, rows: settling.rows })
}

/// What these commands need to be decided.
pub(crate) fn needs<D: Domain>(batch: &[Waiting<D>]) -> Vec<Needs> {
    batch.iter().map(|waiting| D::needs(&waiting.command, waiting.id)).collect()
}

/// The streams that are needed.
pub(crate) fn streams(needs: &[Needs]) -> BTreeSet<Uuid> {
    needs.iter().flat_map(|needs| needs.streams.iter().copied()).collect()
}

/// A batch on its way: what it rests on, and what follows from it.
pub(crate) struct Settling<D: Domain> {
    now: DateTime<Utc>,
    /// As it was before.
    pub(crate) head: Head,
    /// Of the last event, those that follow included.
    pub(crate) position: u64,
    known: HashMap<CommandId, Known>,
    pub(crate) claims: Claims,
    pub(crate) streams: HashMap<Uuid, Stream<D::State>>,
    pub(crate) rows: Vec<Row>,
    pub(crate) fresh: Vec<Known>,
    pub(crate) private: Vec<D::PrivateRow>,
    empty: D::State,
}

impl<D: Domain> Settling<D> {
    /// Locks the head and loads all that the batch needs.
    async fn begin(
        connection: &mut Connection,
        cache: &mut Cache<D>,
        batch: &[Waiting<D>],
        repeats: Repeats,
    ) -> Result<Self, StoreError> {
        let head = journal::lock_head(connection).await?;
        cache.catch_up(connection, head).await?;
        let known = match repeats {
            Repeats::Unexpected => HashMap::new(),
            Repeats::Possible => outcomes::load(connection, batch.iter().map(|waiting| waiting.id)).await?,
        };
        let mut needs = needs(batch);
        if repeats == Repeats::Possible {
            needs.iter_mut().for_each(|needs| needs.claims.append(&mut needs.unclaimed));
        }
        let streams = streams(&needs);
        let claims = cache.claims(connection, needs).await?;
        Ok(Self { known, ..Self::load(connection, cache, head, streams, claims).await? })
    }

    /// Loads the states that are needed as of this head, which is the cache's.
    pub(crate) async fn load(
        connection: &mut Connection,
        cache: &mut Cache<D>,
        head: Head,
        mut streams: BTreeSet<Uuid>,
        claims: Claims,
    ) -> Result<Self, StoreError> {
        streams.extend(claims.holders().values().copied().flatten());
        let streams = cache.load(connection, streams).await?;
        Ok(Self {
            now: journal::now(),
            head,
            position: head.position,
            known: HashMap::new(),
            claims,
            streams,
            rows: Vec::new(),
            fresh: Vec::new(),
            private: Vec::new(),
            empty: D::State::default(),
        })
    }

    /// Decides one by one.
    pub(crate) fn all(&mut self, batch: &[Waiting<D>]) -> Result<Vec<Option<Arc<Outcome>>>, StoreError> {
        batch.iter().map(|waiting| self.one(waiting)).collect()
    }

    /// Decides one by one and writes what follows.
    async fn settle(
        mut self,
        connection: &mut Connection,
        batch: &[Waiting<D>],
    ) -> Result<(Self, Vec<Option<Arc<Outcome>>>), StoreError> {
        let outcomes = self.all(batch)?;
        if self.moves() {
            journal::move_head(connection, self.position).await?;
        }
        self.write(connection).await?;
        Ok((self, outcomes))
    }

    /// Whether anything changes that decisions rest on.
    fn moves(&self) -> bool {
        !self.rows.is_empty() || self.claims.changed()
    }

    /// Writes what follows, but for the head.
    pub(crate) async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        journal::append(connection, &self.rows).await?;
        outcomes::save(connection, &self.fresh).await?;
        self.claims.save(connection).await?;
        D::write_private(connection, &self.private).await
    }

    fn one(&mut self, waiting: &Waiting<D>) -> Result<Option<Arc<Outcome>>, StoreError> {
        if let Some(known) = self.known.get(&waiting.id) {
            return Ok(Some(known.repeat(&waiting.fingerprint)));
        }
        let expired = waiting.expires.is_some_and(|expires| expires <= self.now);
        let decision = match &waiting.facts {
            Err(problem) if expired => Err(problem.clone()),
            _ if expired => Err(Problem::new(Case::Unavailable, "it could not be decided before it expired")),
            Err(_) => return Ok(None),
            Ok(facts) => D::decide(&waiting.command, &self.context(waiting, facts)),
        };
        let outcome = match decision {
            Ok(decision) => self.accept(waiting, decision)?,
            Err(problem) => outcomes::refusal(waiting.id, self.position, &problem, self.now),
        };
        let outcome = Arc::new(outcome);
        let known = Known::new(Arc::clone(&outcome), waiting.fingerprint);
        self.known.insert(waiting.id, known.clone());
        self.fresh.push(known);
        Ok(Some(outcome))
    }

    fn context<'a>(&'a self, waiting: &'a Waiting<D>, facts: &'a D::Facts) -> Context<'a, D> {
        Context {
            now: self.now,
            command_id: waiting.id,
            actor: &waiting.actor,
            if_version: waiting.if_version,
            facts,
            streams: &self.streams,
            claims: self.claims.holders(),
            empty: &self.empty,
        }
    }

    /// Moves states and claims on, so that the next command of the batch sees them.
    fn accept(&mut self, waiting: &Waiting<D>, decision: Decision<D>) -> Result<Outcome, StoreError> {
        for (stream_id, event) in decision.events {
            let stream = self.streams.entry(stream_id).or_default();
            self.position += 1;
            stream.version += 1;
            let recorded = Recorded {
                id: journal::event_id(waiting.id.0, self.position),
                position: self.position,
                stream_id,
                version: stream.version,
                recorded_at: self.now,
                event,
            };
            D::apply(&mut stream.state, &recorded);
            self.rows.push(Row::new(&recorded, waiting.id, &waiting.actor)?);
        }
        decision.released.into_iter().for_each(|claim| self.claims.release(claim));
        decision.released_kinds.into_iter().for_each(|(kind, stream)| self.claims.release_kind(kind, stream));
        decision.taken.into_iter().for_each(|(claim, stream)| self.claims.take(claim, stream));
        self.private.extend(decision.private);
        Ok(Outcome {
            command_id: waiting.id,
            status: OutcomeStatus::Accepted,
            position: self.position,
            body: decision.answer,
            decided_at: self.now,
        })
    }
}
