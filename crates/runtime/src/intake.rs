//! From messages to commands: one message is one command under its own name, or a batch of them.

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::ids::{CommandId, derive_id};
use contracts::message::BatchedCommand;
use contracts::subjects::{BATCH, headers as names};
use contracts::{Actor, CommandSet, Problem};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::broker::is_inbox;
use crate::decide::Waiting;
use crate::domain::Domain;
use crate::headers;
use crate::outcomes::Fingerprint;

/// What a message holds.
pub(crate) struct Intake<D: Domain> {
    /// The commands that can be decided. Their facts are not known yet.
    pub(crate) commands: Vec<Waiting<D>>,
    /// What can't be read.
    pub(crate) rejected: Vec<Rejected>,
    /// Where outcomes are awaited.
    pub(crate) reply_to: Option<String>,
}

/// A part of a message that can't be read.
pub(crate) struct Rejected {
    pub(crate) subject: String,
    pub(crate) id: CommandId,
    /// Who gave it, if that can be told.
    pub(crate) actor: Option<Actor>,
    pub(crate) if_version: Option<u32>,
    pub(crate) payload: Bytes,
    /// In words.
    pub(crate) reason: String,
    /// Whether they may quote what was sent.
    pub(crate) quotes: bool,
}

impl Rejected {
    fn unreadable(subject: String, id: CommandId, payload: Bytes, problem: &Problem) -> Self {
        Self { subject, id, actor: None, if_version: None, payload, reason: problem.to_string(), quotes: true }
    }
}

/// Reads a message. `stream_created` and its sequence make an id for a command that has none: the same on each
/// delivery, and another one after the stream was made anew.
pub(crate) fn read<D: Domain>(message: &Message, stream_created: i128, sequence: u64) -> Intake<D> {
    let found = message.headers.as_ref();
    let fallback = derive_id(Uuid::NAMESPACE_OID, &format!("{}.{stream_created}.{sequence}", message.subject));
    let id = command_id(found).map_or(fallback, |CommandId(id)| id);
    let name = message.subject.rsplit('.').next().unwrap_or_default();
    let results = if name == BATCH {
        batch::<D>(&message.message)
    } else {
        vec![single::<D>(name, id, found, &message.payload).map_err(|problem| {
            let subject = message.subject.to_string();
            let rejected = Rejected::unreadable(subject, CommandId(id), message.payload.clone(), &problem);
            Box::new(Rejected { actor: Some(Actor::Operator), ..rejected })
        })]
    };
    let mut intake = Intake { commands: Vec::new(), rejected: Vec::new(), reply_to: reply_to(message) };
    for result in results {
        match result {
            Ok(waiting) => intake.commands.push(waiting),
            Err(rejected) => intake.rejected.push(*rejected),
        }
    }
    intake
}

/// Where the outcomes of a message's commands are awaited.
pub(crate) fn reply_to(message: &async_nats::Message) -> Option<String> {
    let found = headers::text(message.headers.as_ref(), names::REPLY_TO);
    found.filter(|subject| is_inbox(subject)).map(str::to_owned)
}

/// The id that whoever gives a command has chosen: a UUID, or any text, which stands for one.
pub(crate) fn command_id(found: Option<&HeaderMap>) -> Option<CommandId> {
    let text = headers::text(found, names::MESSAGE_ID)?;
    Some(CommandId(text.parse().unwrap_or_else(|_| derive_id(Uuid::NAMESPACE_OID, text))))
}

/// A command on a subject of its own. Only operators may publish there, so whoever it says it is, it is one of them; only
/// a batch, which nobody but the gateway and the services themselves may publish, names its actors.
fn single<D: Domain>(name: &str, id: Uuid, found: Option<&HeaderMap>, payload: &Bytes) -> Result<Waiting<D>, Problem> {
    let invalid = |message: String| Problem::invalid("headers", message);
    refuse_actor(found)?;
    Ok(Waiting {
        id: CommandId(id),
        command: D::Command::decode(name, payload)?,
        payload: payload.clone(),
        fingerprint: fingerprint(name, payload),
        actor: Actor::Operator,
        if_version: headers::parse(found, names::IF_VERSION).map_err(invalid)?,
        expires: headers::parse::<DateTime<Utc>>(found, names::EXPIRES).map_err(invalid)?,
        facts: Ok(D::Facts::default()),
    })
}

/// The commands of a batch, and what of it can't be read.
pub(crate) fn batch<D: Domain>(message: &async_nats::Message) -> Vec<Result<Waiting<D>, Box<Rejected>>> {
    let batched: Vec<BatchedCommand> = match contracts::message::decode(&message.payload) {
        Ok(batched) => batched,
        Err(problem) => {
            let id = derive_id(Uuid::NAMESPACE_OID, &format!("{:?}", fingerprint(BATCH, &message.payload)));
            let (subject, payload) = (message.subject.to_string(), message.payload.clone());
            return vec![Err(Box::new(Rejected::unreadable(subject, CommandId(id), payload, &problem)))];
        }
    };
    batched
        .into_iter()
        .map(|one| {
            let payload = one.data.get().as_bytes();
            match D::Command::decode(&one.name, payload) {
                Ok(command) => Ok(Waiting {
                    id: one.id,
                    command,
                    payload: Bytes::copy_from_slice(payload),
                    fingerprint: fingerprint(&one.name, payload),
                    actor: one.actor,
                    if_version: one.if_version,
                    expires: one.expires,
                    facts: Ok(D::Facts::default()),
                }),
                Err(problem) => {
                    let subject = D::Command::SERVICE.command(&one.name);
                    let rejected = Rejected::unreadable(subject, one.id, Bytes::copy_from_slice(payload), &problem);
                    Err(Box::new(Rejected { actor: Some(one.actor), if_version: one.if_version, ..rejected }))
                }
            }
        })
        .collect()
}

/// Nobody can be somebody else by a header.
///
/// # Errors
/// [`contracts::Case::InvalidInput`] for a message that says who gives it.
pub(crate) fn refuse_actor(found: Option<&HeaderMap>) -> Result<(), Problem> {
    match headers::text(found, names::ACTOR) {
        None => Ok(()),
        Some(_) => Err(Problem::invalid("headers", format!("{} is not read here: you are the operator", names::ACTOR))),
    }
}

fn fingerprint(name: &str, payload: &[u8]) -> Fingerprint {
    Sha256::new().chain_update(name).chain_update([0]).chain_update(payload).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_go_to_inboxes_only() {
        for good in ["_INBOX.n8SfJUmFhMUXCUZzE0lYVv", "_INBOX_gateway.n8SfJUmFhMUXCUZzE0lYVv.7"] {
            assert!(is_inbox(good), "{good}");
        }
        let long = format!("_INBOX.{}", "a".repeat(5000));
        for bad in
            ["", "_INBOX.a b", "_INBOX..a", "_INBOX.", "_INBOX.>", "_INBOX.*", "_INBOX.\u{e9}", "$JS.API.INFO", &long]
        {
            assert!(!is_inbox(bad), "{bad}");
        }
    }
}
