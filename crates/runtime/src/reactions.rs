//! Reactions: an event of any service becomes commands of this one. The commands' ids follow from the event's, so a
//! reaction that is run again changes nothing; the checkpoint only spares the repeats.

use std::marker::PhantomData;

use contracts::ids::{CommandId, derive_id};
use contracts::{Actor, CommandSet, EventSet, Problem};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::client::{Client, Order};
use crate::database::Database;
use crate::domain::Recorded;
use crate::follower::{Checkpoint, Work};

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
    reaction: PhantomData<fn() -> R>,
}

impl<R: Reaction> Reactor<R> {
    pub(crate) const CHECKPOINT: Checkpoint = Checkpoint { name: R::NAME, source: R::Event::SERVICE };

    pub(crate) fn new(database: Database, client: Client) -> Self {
        Self { database, client, reaction: PhantomData }
    }
}

impl<R: Reaction> Work for Reactor<R> {
    type Event = R::Event;

    /// The commands are on the broker's disk before the checkpoint moves. They never expire.
    async fn work(&self, events: Vec<Recorded<R::Event>>) -> Result<u64, async_nats::Error> {
        for event in &events {
            for (index, command) in R::react(event).into_iter().enumerate() {
                let order = Order {
                    id: command_id::<R>(event.id, index),
                    actor: Actor::Reaction(R::NAME.into()),
                    if_version: None,
                    expires: None,
                };
                let data = command.encode()?;
                let published = self.client.publish_raw(R::Command::SERVICE, command.name(), data, order);
                published.await.map_err(Problem::from)?;
            }
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
