//! What a service must say for the runtime to run it: how a command is decided, and how events add up to state.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use contracts::ids::CommandId;
use contracts::{Actor, Case, CommandSet, EventSet, Problem};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::client::Client;
use crate::database::{Connection, Database, StoreError};

/// A service's decisions. [`Domain::decide`] and [`Domain::apply`] are pure: time, ids and what other services know
/// come in through the [`Context`], so a decision can be repeated and tested.
pub trait Domain: Send + Sync + 'static {
    /// What can be asked.
    type Command: CommandSet;
    /// What can happen.
    type Event: EventSet;
    /// One stream's state; its default is that of a stream without events.
    type State: Default + Clone + Send + Sync;
    /// What other services know about one command.
    type Facts: Default + Send + Sync;
    /// What is remembered of what other services said.
    type Memory: Default + Send;
    /// A row of the service's private tables, written in the transaction of the events.
    type PrivateRow: Send + Sync;

    /// What must be loaded before this command can be decided.
    fn needs(command: &Self::Command, id: CommandId) -> Needs;

    /// Asks other services about a batch of commands, one request each for all of them, unless what they said still holds.
    /// The answer has an entry for each command, in order: its facts, or why they can't be had at the moment.
    fn gather(
        around: &Around,
        memory: &Arc<Mutex<Self::Memory>>,
        commands: &[&Self::Command],
    ) -> impl Future<Output = Vec<Result<Self::Facts, Problem>>> + Send;

    /// Whether `gather` can be asked about a command before those in front of it are decided: what it tells does not rest
    /// on what this service has decided.
    fn asks_early(_: &Self::Command) -> bool {
        true
    }

    /// Decides one command.
    ///
    /// # Errors
    /// The refusal, which becomes the command's outcome.
    fn decide(command: &Self::Command, context: &Context<'_, Self>) -> Result<Decision<Self>, Problem>
    where
        Self: Sized;

    /// Adds an event to its stream's state.
    fn apply(state: &mut Self::State, event: &Recorded<Self::Event>);

    /// How much memory a state takes beside itself, in bytes, about. What is kept of states is bounded by it.
    fn bytes(_: &Self::State) -> usize {
        0
    }

    /// Writes private rows, in order, inside the transaction that writes the events.
    fn write_private(
        connection: &mut Connection,
        rows: &[Self::PrivateRow],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What is remembered, by all who ask.
pub(crate) type Memory<D> = Arc<Mutex<<D as Domain>::Memory>>;

/// What surrounds a service: its own store and the other services.
#[derive(Clone)]
pub struct Around {
    /// The service's store.
    pub database: Database,
    /// For questions to other services.
    pub client: Client,
}

/// A value of which there is one: an e-mail address, a seat of a showtime. Backed by a primary key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// What it is.
    pub kind: &'static str,
    /// Which one; at most 255 characters.
    pub value: String,
}

impl Claim {
    /// A claim of this kind and value.
    pub fn new(kind: &'static str, value: impl Into<String>) -> Self {
        Self { kind, value: value.into() }
    }
}

/// What must be loaded before a command can be decided.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// These streams.
    pub streams: Vec<Uuid>,
    /// Who holds these claims, and the holders' streams.
    pub claims: Vec<Claim>,
    /// These claims are nobody's, as far as one can expect. Who holds them is looked up when the store has refused a
    /// decision that takes one.
    pub unclaimed: Vec<Claim>,
    /// Who holds the claims of these kinds whose values start so, and the holders' streams.
    pub prefixes: Vec<Claim>,
    /// The streams of all holders of claims of these kinds.
    pub kinds: Vec<&'static str>,
}

impl Needs {
    /// One stream.
    pub fn stream(id: impl Into<Uuid>) -> Self {
        Self { streams: vec![id.into()], ..Self::default() }
    }

    /// The stream that holds this claim.
    pub fn holder(claim: Claim) -> Self {
        Self { claims: vec![claim], ..Self::default() }
    }

    /// And this stream.
    pub fn and_stream(mut self, id: impl Into<Uuid>) -> Self {
        self.streams.push(id.into());
        self
    }

    /// And who holds this claim.
    pub fn and_holder(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }

    /// And that this claim is nobody's, as far as one can expect.
    pub fn and_unclaimed(mut self, claim: Claim) -> Self {
        self.unclaimed.push(claim);
        self
    }

    /// And who holds the claims of this kind whose values start so, and the holders' streams.
    pub fn and_prefix(mut self, kind: &'static str, prefix: impl Into<String>) -> Self {
        self.prefixes.push(Claim::new(kind, prefix));
        self
    }

    /// And the streams of all who hold a claim of this kind.
    pub fn and_all(mut self, kind: &'static str) -> Self {
        self.kinds.push(kind);
        self
    }
}

/// A stream as it is now.
#[derive(Clone, Debug, Default)]
pub struct Stream<S> {
    /// How many events it has.
    pub version: u32,
    /// What they add up to.
    pub state: S,
}

/// What a decision may look at.
pub struct Context<'a, D: Domain> {
    /// The time of the decision.
    pub now: DateTime<Utc>,
    /// The command.
    pub command_id: CommandId,
    /// Who gives it.
    pub actor: &'a Actor,
    /// The version that the caller saw.
    pub if_version: Option<u32>,
    /// What other services know.
    pub facts: &'a D::Facts,
    pub(crate) streams: &'a HashMap<Uuid, Stream<D::State>>,
    pub(crate) claims: &'a HashMap<Claim, Option<Uuid>>,
    pub(crate) empty: &'a D::State,
}

impl<'a, D: Domain> Context<'a, D> {
    /// The state of a stream that [`Domain::needs`] named; the default for one without events.
    pub fn state(&self, stream: impl Into<Uuid>) -> &'a D::State {
        self.streams.get(&stream.into()).map_or(self.empty, |stream| &stream.state)
    }

    /// The stream that holds a claim that [`Domain::needs`] named.
    pub fn holder(&self, claim: &Claim) -> Option<Uuid> {
        self.claims.get(claim).copied().flatten()
    }

    /// The streams of all holders of claims of a kind whose values start so, of those that [`Domain::needs`] named.
    /// The empty text is the start of every value.
    pub fn holders(
        &self,
        kind: &'static str,
        prefix: &'a str,
    ) -> impl Iterator<Item = (Uuid, &'a D::State)> + use<'a, D> {
        let (claims, streams) = (self.claims, self.streams);
        claims
            .iter()
            .filter(move |(claim, _)| claim.kind == kind && claim.value.starts_with(prefix))
            .filter_map(move |(_, holder)| holder.and_then(|id| Some((id, &streams.get(&id)?.state))))
    }
}

/// What follows from a command: all of it in one transaction, or nothing.
pub struct Decision<D: Domain> {
    pub(crate) events: Vec<(Uuid, D::Event)>,
    pub(crate) taken: Vec<(Claim, Uuid)>,
    pub(crate) released: Vec<Claim>,
    pub(crate) released_kinds: Vec<(&'static str, Uuid)>,
    pub(crate) private: Vec<D::PrivateRow>,
    pub(crate) answer: Box<RawValue>,
}

impl<D: Domain> Decision<D> {
    /// A decision with this answer and nothing else yet.
    ///
    /// # Errors
    /// [`Case::Internal`] for an answer that is not JSON.
    pub fn answer(answer: &impl Serialize) -> Result<Self, Problem> {
        let answer = serde_json::value::to_raw_value(answer)
            .map_err(|error| Problem::new(Case::Internal, format!("an answer cannot be written: {error}")))?;
        Ok(Self {
            events: Vec::new(),
            taken: Vec::new(),
            released: Vec::new(),
            released_kinds: Vec::new(),
            private: Vec::new(),
            answer,
        })
    }

    /// Appends an event to a stream.
    pub fn event(mut self, stream: impl Into<Uuid>, event: impl Into<D::Event>) -> Self {
        self.events.push((stream.into(), event.into()));
        self
    }

    /// Takes a claim for a stream. A claim that someone else holds fails the whole transaction: look first.
    pub fn take(mut self, claim: Claim, stream: impl Into<Uuid>) -> Self {
        self.taken.push((claim, stream.into()));
        self
    }

    /// Gives a claim back. Releases come before takings.
    pub fn release(mut self, claim: Claim) -> Self {
        self.released.push(claim);
        self
    }

    /// Gives all of a stream's claims of a kind back.
    pub fn release_all(mut self, kind: &'static str, stream: impl Into<Uuid>) -> Self {
        self.released_kinds.push((kind, stream.into()));
        self
    }

    /// Writes a private row.
    pub fn private(mut self, row: D::PrivateRow) -> Self {
        self.private.push(row);
        self
    }
}

/// An event as it stands in the journal.
#[derive(Clone, Debug)]
pub struct Recorded<E> {
    /// Follows from the command and the position; whatever follows from the event takes its ids from it.
    pub id: Uuid,
    /// Its place in the service's journal, from 1, without gaps; also its sequence in the event stream.
    pub position: u64,
    /// Its stream.
    pub stream_id: Uuid,
    /// Its place in its stream, from 1, without gaps.
    pub version: u32,
    /// When it was decided.
    pub recorded_at: DateTime<Utc>,
    /// What happened.
    pub event: E,
}
