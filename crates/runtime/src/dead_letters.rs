//! Dead letters: what could not be decoded, or failed again and again, kept with the reason and sent again by hand.

use std::time::Duration;

use async_nats::jetstream::context::CreateStreamError;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use contracts::Service;
use contracts::subjects::headers as names;

use crate::intake::Rejected;
use crate::{headers, streams};

/// Room for the headers of a letter.
const HEADERS: usize = 16 * 1024;
/// A reason and a subject are cut to this many characters, of up to four bytes.
const HEADER: usize = 1000;

/// A service's dead letters.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    pub(crate) jetstream: Context,
    pub(crate) service: Service,
    /// How long they are kept, where their stream is still to be made.
    pub(crate) keep: Duration,
}

impl DeadLetters {
    /// The stream of all services' letters; it is made when it is missing.
    pub(crate) async fn stream(&self) -> Result<Stream, CreateStreamError> {
        streams::dead_letters(&self.jetstream, self.keep).await
    }

    /// Keeps a letter. Returns when the broker has it. The message id is the command's and the sequence of the message
    /// that it came in: so a repeat is harmless, and a command that was sent again and failed again is a letter again.
    pub(crate) async fn bury(&self, rejected: &Rejected, sequence: u64) -> Result<(), async_nats::Error> {
        let Self { jetstream, service, .. } = self;
        // The log outlives a letter that is erased: what its sender wrote is in the letter only, its subject included.
        let reason = if rejected.quotes { "it cannot be read".into() } else { one_line(&rejected.reason) };
        tracing::warn!(%service, id = %rejected.id, reason, "a dead letter");
        // What came in a batch has whatever name its sender liked.
        let subject = one_line(&rejected.subject);
        // The headers are longer now; what the broker would not take any more would come back for ever.
        let room = jetstream.client().server_info().max_payload.saturating_sub(HEADERS);
        let payload = rejected.payload.slice(..rejected.payload.len().min(room));
        let cut = if payload.len() < rejected.payload.len() { " (the payload is cut)" } else { "" };
        let known = [
            (names::MESSAGE_ID, format!("{}.{sequence}", rejected.id)),
            (names::COMMAND_ID, rejected.id.to_string()),
            (names::SUBJECT, subject),
            (names::REASON, one_line(&rejected.reason) + cut),
        ];
        let actor = rejected.actor.as_ref().map(|actor| (names::ACTOR, actor.to_string()));
        let if_version = rejected.if_version.map(|version| (names::IF_VERSION, version.to_string()));
        let headers = headers::map(known.into_iter().chain(actor).chain(if_version));
        let publish = || jetstream.publish_with_headers(service.dead_letters(), headers.clone(), payload.clone());
        if publish().await?.await.is_err() {
            self.stream().await?;
            publish().await?.await?;
        }
        Ok(())
    }
}

/// The first letter on a subject at this sequence or behind it; `None` when there is none, or no stream yet.
pub(crate) async fn next<I>(
    stream: &Stream<I>,
    subject: &str,
    sequence: u64,
) -> Result<Option<StreamMessage>, RawMessageError> {
    found(stream.get_first_raw_message_by_subject(subject, sequence).await)
}

/// What the broker has; `None` for no such letter, or no letter ever, so that there is no stream yet.
pub(crate) fn found(answer: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, RawMessageError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) => match error.kind() {
            RawMessageErrorKind::NoMessageFound => Ok(None),
            RawMessageErrorKind::JetStream(refusal) if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            _ => Err(error),
        },
    }
}

/// Text as a header can have it.
fn one_line(text: &str) -> String {
    text.chars().take(HEADER).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
