//! From messages to commands: one message is one command under its own name, or a batch of them.

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::ids::{CommandId, derive_id};
use contracts::message::BatchedCommand;
use contracts::subjects::{BATCH, headers as names};
use contracts::{CommandSet, Problem};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::decide::Waiting;
use crate::domain::Domain;
use crate::headers;
use crate::outcomes::Fingerprint;

/// What NATS clients call the subjects begin with on which they are answered.
const INBOX: &str = "_INBOX";
/// An inbox has at most this many bytes; the broker cuts the connection of whoever writes a line of more than 4096.
const INBOX_LENGTH: usize = 255;
/// An actor's name is cut to what the journal keeps.
const ACTOR_LENGTH: usize = 100;

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
    pub(crate) payload: Bytes,
    pub(crate) reason: String,
}

/// Reads a message. `stream_created` and its sequence make an id for a command that has none: the same on each
/// delivery, and another one after the stream was made anew.
pub(crate) fn read<D: Domain>(message: &Message, stream_created: i128, sequence: u64) -> Intake<D> {
    let found = message.headers.as_ref();
    let fallback = derive_id(Uuid::NAMESPACE_OID, &format!("{}.{stream_created}.{sequence}", message.subject));
    let id = match headers::text(found, names::MESSAGE_ID) {
        Some(text) => text.parse().unwrap_or_else(|_| derive_id(Uuid::NAMESPACE_OID, text)),
        None => fallback,
    };
    let reply_to = headers::text(found, names::REPLY_TO).filter(|subject| is_inbox(subject)).map(str::to_owned);
    let name = message.subject.rsplit('.').next().unwrap_or_default();
    let results = if name == BATCH {
        batch::<D>(message)
    } else {
        vec![single::<D>(name, id, found, &message.payload).map_err(|problem| Rejected {
            subject: message.subject.to_string(),
            id: CommandId(id),
            payload: message.payload.clone(),
            reason: problem.to_string(),
        })]
    };
    let mut intake = Intake { commands: Vec::new(), rejected: Vec::new(), reply_to };
    for result in results {
        match result {
            Ok(waiting) => intake.commands.push(waiting),
            Err(rejected) => intake.rejected.push(rejected),
        }
    }
    intake
}

fn single<D: Domain>(name: &str, id: Uuid, found: Option<&HeaderMap>, payload: &Bytes) -> Result<Waiting<D>, Problem> {
    let invalid = |message: String| Problem::invalid("headers", message);
    Ok(Waiting {
        id: CommandId(id),
        command: D::Command::decode(name, payload)?,
        payload: payload.clone(),
        fingerprint: fingerprint(name, payload),
        actor: actor(headers::text(found, names::ACTOR).unwrap_or("nats")),
        if_version: headers::parse(found, names::IF_VERSION).map_err(invalid)?,
        expires: headers::parse::<DateTime<Utc>>(found, names::EXPIRES).map_err(invalid)?,
        facts: Ok(D::Facts::default()),
    })
}

fn batch<D: Domain>(message: &Message) -> Vec<Result<Waiting<D>, Rejected>> {
    let batched: Vec<BatchedCommand> = match contracts::message::decode(&message.payload) {
        Ok(batched) => batched,
        Err(problem) => {
            return vec![Err(Rejected {
                subject: message.subject.to_string(),
                id: CommandId(derive_id(Uuid::NAMESPACE_OID, &format!("{:?}", fingerprint(BATCH, &message.payload)))),
                payload: message.payload.clone(),
                reason: problem.to_string(),
            })];
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
                    actor: actor(&one.actor),
                    if_version: one.if_version,
                    expires: one.expires,
                    facts: Ok(D::Facts::default()),
                }),
                Err(problem) => Err(Rejected {
                    subject: D::Command::SERVICE.command(&one.name),
                    id: one.id,
                    payload: Bytes::copy_from_slice(payload),
                    reason: problem.to_string(),
                }),
            }
        })
        .collect()
}

/// True for a subject that outcomes may be sent to. Anything else would be written to the broker in our name, whether or
/// not it is a subject, and whatever listens there.
fn is_inbox(subject: &str) -> bool {
    let is_token =
        |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic() && !b"*>".contains(&b));
    subject.starts_with(INBOX) && subject.len() <= INBOX_LENGTH && subject.split('.').all(is_token)
}

fn actor(name: &str) -> String {
    name.chars().take(ACTOR_LENGTH).collect()
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
