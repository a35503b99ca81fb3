//! One batch of messages: ask what others know, decide all in one transaction, reply, set aside what can't be carried out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use contracts::ids::CommandId;
use contracts::{Case, CommandSet, Outcome, OutcomeStatus, Problem};
use metrics::{counter, histogram};
use tokio::time::Instant;

use crate::ahead::{self, Ahead};
use crate::asking::know;
use crate::commands::CommandLoop;
use crate::database::{StoreError, backoff};
use crate::decide::{Decided, Waiting, decide, needs};
use crate::domain::Domain;
use crate::intake::{Intake, Rejected};
use crate::outcomes::Known;
use crate::{figures, journal, outcomes};

/// How often a message is delivered before a command in it that keeps failing alone becomes a dead letter.
const DELIVERIES: i64 = 5;
/// How long the outcomes in one message may be together, in bytes, unless one alone is longer.
const REPLY: usize = 1 << 20;
/// From this try on, pauses before what waits for a peer or the store is tried again don't grow any more: up to 320 ms,
/// so that what is back is noticed soon.
pub(crate) const LONGEST_PAUSE: u32 = 4;

/// A message that is being worked on.
pub(crate) struct Taken<'m, D: Domain> {
    /// `None` for one that has not come from the stream yet.
    pub(crate) message: Option<&'m Message>,
    pub(crate) intake: Intake<D>,
    /// Whether all is known of its commands that other services know.
    pub(crate) asked: bool,
    pub(crate) ahead: Option<Ahead>,
}

impl<D: Domain> Taken<'_, D> {
    /// How often it was delivered, and its sequence in the stream.
    fn delivery(&self) -> (i64, u64) {
        let info = self.message.and_then(|message| message.info().ok());
        info.map_or((1, 0), |info| (info.delivered, info.stream_sequence))
    }
}

/// Commands, and what is known for their decision.
pub(crate) struct Prepared<D: Domain> {
    pub(crate) waiting: Vec<Waiting<D>>,
    pub(crate) ahead: Option<Ahead>,
    /// Whether other services were asked about them.
    pub(crate) asked: bool,
}

impl<D: Domain> CommandLoop<D> {
    /// Decides what the messages hold, and replies. Tells which are done with, and gives the others back.
    pub(crate) async fn batch(&self, mut taken: Vec<Taken<'_, D>>) -> Result<Vec<bool>, async_nats::Error> {
        let began = Instant::now();
        let asked = taken.iter().all(|taken| taken.asked);
        let ahead = match &mut taken[..] {
            [one] => one.ahead.take(),
            _ => None,
        };
        let mut orders = Vec::new();
        let mut messages = Vec::new();
        for (index, one) in taken.into_iter().enumerate() {
            let (delivery, Taken { message, intake, .. }) = (one.delivery(), one);
            self.bury(&intake.rejected, delivery.1).await?;
            counter!(figures::BURIED, "command" => "unreadable").increment(intake.rejected.len() as u64);
            orders.extend(intake.commands.into_iter().map(|command| (index, command)));
            messages.push((message, delivery, intake.reply_to));
        }
        let mut repeats = Vec::new();
        if !orders.is_empty() && messages.iter().any(|(message, ..)| message.is_some()) {
            let known = self.known(orders.iter().map(|(_, waiting)| waiting.id)).await;
            orders.retain(|(index, waiting)| {
                let outcome = known.get(&waiting.id).map(|known| known.repeat(&waiting.fingerprint));
                repeats.extend(outcome.iter().map(|outcome| (*index, outcome.clone())));
                outcome.is_none()
            });
        }
        let owners: Vec<usize> = orders.iter().map(|(index, _)| *index).collect();
        let names: Vec<&'static str> = orders.iter().map(|(_, waiting)| waiting.command.name()).collect();
        let waiting: Vec<Waiting<D>> = orders.into_iter().map(|(_, waiting)| waiting).collect();
        let (waiting, ahead) = if asked {
            let ahead = ahead::look_again(ahead, &self.around.database, &self.cache, &waiting).await;
            (waiting, ahead)
        } else {
            let looking = ahead::look(&self.around.database, &self.cache, needs(&waiting));
            tokio::join!(self.ask(waiting), looking)
        };
        let decided = self.decide_all(waiting, ahead, |position| {
            let owner = owners.get(position).and_then(|index| messages.get(*index));
            owner.map_or((1, 0), |(_, delivery, _)| *delivery)
        });
        let decided = decided.await?;
        if decided.iter().any(Option::is_some) {
            self.stalled.store(0, Ordering::Relaxed);
        } else if !decided.is_empty() {
            self.stalled.fetch_add(1, Ordering::Relaxed);
        }

        let mut replies: HashMap<&str, Vec<&Outcome>> = HashMap::new();
        let mut done = vec![true; messages.len()];
        let repeats = repeats.iter().map(|(owner, outcome)| (owner, Some(outcome.as_ref())));
        for (owner, outcome) in repeats.chain(owners.iter().zip(decided.iter().map(Option::as_deref))) {
            match (outcome, messages.get(*owner)) {
                (Some(outcome), Some((.., Some(reply_to)))) => replies.entry(reply_to).or_default().push(outcome),
                (None, _) => done.iter_mut().skip(*owner).take(1).for_each(|flag| *flag = false),
                _ => {}
            }
        }
        for (inbox, outcomes) in replies {
            for part in parts(&outcomes) {
                self.jetstream.client().publish(inbox.to_owned(), serde_json::to_vec(part)?.into()).await?;
            }
        }
        let given_back = messages.iter().zip(&done).filter(|(_, done)| !**done);
        for (message, (delivered, _)) in
            given_back.filter_map(|((message, delivery, _), _)| Some(((*message)?, *delivery)))
        {
            message.ack_with(AckKind::Nak(Some(pause(delivered)))).await?;
        }
        count(&names, &decided, began.elapsed());
        Ok(done)
    }

    /// What comes from the stream another replica may have decided when it heard it, or this one before it was started
    /// anew. What can't be had at the moment is found when it's decided again.
    async fn known(&self, ids: impl Iterator<Item = CommandId>) -> HashMap<CommandId, Known> {
        let Ok(mut connection) = self.around.database.connection().await else { return HashMap::new() };
        outcomes::load(&mut connection, ids).await.unwrap_or_default()
    }

    /// Decides all together, or after a refusal by the store one by one. `None` for what must be tried again.
    /// `delivery` has how often the message of a command was delivered, and its sequence.
    async fn decide_all(
        &self,
        waiting: Vec<Waiting<D>>,
        ahead: Option<Ahead>,
        delivery: impl Fn(usize) -> (i64, u64),
    ) -> Result<Vec<Option<Arc<Outcome>>>, async_nats::Error> {
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let _without = self.lease.give_up().await;
        let waiting = Arc::new(waiting);
        let error = match self.decide(&waiting, ahead).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => error,
        };
        let waiting = match Arc::try_unwrap(waiting) {
            Ok(waiting) if !matches!(error, StoreError::Away(_)) => waiting,
            Ok(waiting) => return Ok(self.leave(waiting.len(), &error)),
            Err(shared) => return Ok(self.leave(shared.len(), &error)),
        };
        tracing::warn!(%error, commands = waiting.len(), "a batch failed and is tried command by command");
        let mut outcomes = Vec::with_capacity(waiting.len());
        for (position, one) in waiting.into_iter().enumerate() {
            outcomes.push(self.decide_alone(one, delivery(position)).await?);
        }
        Ok(outcomes)
    }

    async fn decide(
        &self,
        waiting: &Arc<Vec<Waiting<D>>>,
        ahead: Option<Ahead>,
    ) -> Result<Vec<Option<Arc<Outcome>>>, StoreError> {
        let Decided { outcomes, rows } = decide(&self.writing, &self.cache, waiting, ahead).await?;
        self.health.set(Ok(()));
        self.handover.put(rows);
        Ok(outcomes)
    }

    fn leave(&self, commands: usize, error: &StoreError) -> Vec<Option<Arc<Outcome>>> {
        let stalled = self.stalled.load(Ordering::Relaxed).saturating_add(1);
        self.health.trouble(stalled, &format!("commands wait for the store: {error}"));
        vec![None; commands]
    }

    async fn decide_alone(
        &self,
        one: Waiting<D>,
        (delivered, sequence): (i64, u64),
    ) -> Result<Option<Arc<Outcome>>, async_nats::Error> {
        let one = Arc::new(vec![one]);
        let error = match self.decide(&one, None).await {
            Ok(mut outcomes) => return Ok(outcomes.pop().flatten()),
            Err(error) => error,
        };
        let left = match &error {
            StoreError::Away(_) => true,
            // While programs are upgraded, a newer one may have written it, and takes it.
            StoreError::Unreadable(_) => one.iter().all(|one| one.expires.is_some_and(|end| end > journal::now())),
            StoreError::Refused(_) => false,
        };
        if left || delivered < DELIVERIES {
            return Ok(None);
        }
        let mut answer = None;
        for waiting in one.iter() {
            let rejected = Rejected {
                subject: D::Command::SERVICE.command(waiting.command.name()),
                id: waiting.id,
                actor: Some(waiting.actor.clone()),
                if_version: waiting.if_version,
                payload: waiting.payload.clone(),
                reason: format!("failed {delivered} times: {error}"),
                quotes: false,
            };
            self.bury(std::slice::from_ref(&rejected), sequence).await?;
            counter!(figures::BURIED, "command" => waiting.command.name()).increment(1);
            answer = Some(Arc::new(failure(waiting.id)));
        }
        Ok(answer)
    }

    /// Asks the other services, one request each for all commands.
    async fn ask(&self, mut waiting: Vec<Waiting<D>>) -> Vec<Waiting<D>> {
        let commands: Vec<&D::Command> = waiting.iter().map(|waiting| &waiting.command).collect();
        if !commands.is_empty() {
            let facts = D::gather(&self.around, &self.memory, &commands).await;
            know(&mut waiting, facts);
        }
        waiting
    }

    async fn bury(&self, rejected: &[Rejected], sequence: u64) -> Result<(), async_nats::Error> {
        for one in rejected {
            self.dead_letters.bury(one, sequence).await?;
        }
        Ok(())
    }
}

/// Outcomes in parts that each fit into a message, however large what was decided is.
fn parts<'o>(mut outcomes: &'o [&'o Outcome]) -> impl Iterator<Item = &'o [&'o Outcome]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = outcomes.iter().take_while(|outcome| {
            bytes += outcome.body.get().len();
            bytes <= REPLY
        });
        let (part, rest) = outcomes.split_at_checked(fit.count().max(1))?;
        outcomes = rest;
        Some(part)
    })
}

/// Counts a batch: once for each name and result, not for each command.
fn count(names: &[&'static str], decided: &[Option<Arc<Outcome>>], took: Duration) {
    if names.is_empty() {
        return;
    }
    histogram!(figures::BATCH).record(names.len() as f64);
    let mut counts: BTreeMap<(&'static str, &'static str), usize> = BTreeMap::new();
    for (name, outcome) in names.iter().zip(decided) {
        let result = match outcome.as_ref().map(|outcome| outcome.status) {
            Some(OutcomeStatus::Accepted) => "accepted",
            Some(OutcomeStatus::Refused) => "refused",
            None => "later",
        };
        *counts.entry((name, result)).or_default() += 1;
    }
    for ((command, result), count) in counts {
        histogram!(figures::COMMANDS, "command" => command, "result" => result).record_many(took, count);
    }
}

/// What whoever waits for a command that became a dead letter is told. It isn't stored: the letter can be sent again.
fn failure(id: CommandId) -> Outcome {
    let problem = Problem::new(Case::Internal, "the command could not be carried out and has been set aside");
    outcomes::refusal(id, 0, &problem, journal::now())
}

/// How long a message rests before it is delivered again.
fn pause(delivered: i64) -> Duration {
    backoff(u32::try_from(delivered).unwrap_or(u32::MAX).saturating_add(2).min(LONGEST_PAUSE))
}
