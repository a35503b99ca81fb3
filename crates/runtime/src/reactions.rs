//! Reactions: an event of any service becomes commands of this one. The commands' ids follow from the event's, so a
//! reaction that is run again changes nothing; the checkpoint only spares the repeats.

use std::marker::PhantomData;
use std::time::Duration;

use contracts::ids::{CommandId, derive_id};
use contracts::{Actor, CommandSet, EventSet, Problem};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{Client, Order};
use crate::database::Database;
use crate::domain::Recorded;
use crate::follower::{Checkpoint, Work};
use crate::outcomes;

/// Commands that are given at once.
const COMMANDS: usize = 100;
/// How long to wait until a command is decided before it is given again, at first and at most.
const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

/// What follows from events.
pub trait Reaction: Send + Sync + 'static {
    /// From which.
    type Event: EventSet;
    /// Commands of which service.
    type Command: CommandSet;
    /// The name of its checkpoint.
    const NAME: &'static str;

    /// The commands that follow from an event, always the same ones.
    fn react(event: &Recorded<Self::Event>) -> Vec<Self::Command>;
}

/// The id of the command that follows from this event, of which it's the one at this place.
pub(crate) fn command_id<R: Reaction>(event: Uuid, index: usize) -> CommandId {
    CommandId(derive_id(event, &format!("{}.{index}", R::NAME)))
}

/// Runs a reaction.
pub(crate) struct Reactor<R> {
    database: Database,
    client: Client,
    shutdown: CancellationToken,
    reaction: PhantomData<fn() -> R>,
}

impl<R: Reaction> Reactor<R> {
    pub(crate) const CHECKPOINT: Checkpoint = Checkpoint { name: R::NAME, source: R::Event::SERVICE };

    pub(crate) fn new(database: Database, client: Client, shutdown: CancellationToken) -> Self {
        Self { database, client, shutdown, reaction: PhantomData }
    }

    /// Gives a command until it is decided. That the broker has it is not enough: what it has on disk can be lost, and
    /// nobody else would give the command again. It never expires.
    async fn decided(&self, id: CommandId, command: &R::Command) -> Result<(), async_nats::Error> {
        let mut patience = PATIENCE;
        loop {
            let actor = Actor::Reaction(R::NAME.into());
            let order = Order { id, actor, if_version: None, expires: None };
            let published =
                self.client.publish_raw(R::Command::SERVICE, command.name(), command.encode()?, order).await;
            let outcome = tokio::select! {
                outcome = published.map_err(Problem::from)?.outcome(patience) => outcome,
                () = self.shutdown.cancelled() => return Err("stopped before all that follows was decided".into()),
            };
            // The word of it can be lost, too.
            if outcome.is_some() || outcomes::one(&mut *self.database.connection().await?, id).await?.is_some() {
                return Ok(());
            }
            patience = LONGEST_PATIENCE.min(patience * 2);
        }
    }
}

impl<R: Reaction> Work for Reactor<R> {
    type Event = R::Event;
    const GATHER: Duration = Duration::ZERO;

    /// The commands are decided before the checkpoint moves.
    async fn work(&self, _: u64, events: Vec<Recorded<R::Event>>) -> Result<u64, async_nats::Error> {
        let follows =
            |event| R::react(event).into_iter().enumerate().map(move |(index, command)| (event.id, index, command));
        let commands: Vec<(Uuid, usize, R::Command)> = events.iter().flat_map(follows).collect();
        for some in commands.chunks(COMMANDS) {
            let decided =
                some.iter().map(|(event, index, command)| self.decided(command_id::<R>(*event, *index), command));
            try_join_all(decided).await?;
        }
        let last = events.last().map_or(0, |event| event.position);
        let reached = self.database.transaction(|connection| {
            async move {
                let done = Self::CHECKPOINT.lock(connection).await?.max(last);
                Self::CHECKPOINT.set(connection, done).await?;
                Ok(done)
            }
            .boxed()
        });
        Ok(reached.await?)
    }
}
