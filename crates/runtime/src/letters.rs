//! Reading dead letters, sending them again, dropping them: by hand, once somebody has looked.

use std::time::SystemTime;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::Stream;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::CommandId;
use contracts::page::{Limit, Page};
use contracts::subjects::{ALL_DEAD_LETTERS, BATCH, DEAD_LETTERS_STREAM, headers as names};
use contracts::{Actor, Case, Problem, Service};
use serde_json::value::RawValue;

use crate::client::{Client, Order};
use crate::{dead_letters, headers};

/// How long a command that is sent again may wait.
const EXPIRES: TimeDelta = TimeDelta::hours(1);

/// A command that could not be read, or failed again and again.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its place among all dead letters; also its name.
    pub sequence: u64,
    /// Whose command it is.
    pub service: Service,
    /// When it was set aside.
    pub buried_at: DateTime<Utc>,
    /// The subject that it was published on, or would have been alone.
    pub subject: String,
    /// The command's id.
    pub command_id: Option<CommandId>,
    /// Who gave it, where that could be told.
    pub actor: Option<Actor>,
    /// The version that they saw.
    pub if_version: Option<u32>,
    /// Why it is a dead letter.
    pub reason: String,
    /// What was sent.
    pub payload: Bytes,
}

impl Letter {
    fn read(message: StreamMessage) -> Option<Self> {
        let found = Some(&message.headers);
        let text = |name| headers::text(found, name).unwrap_or_default().to_owned();
        Some(Self {
            sequence: message.sequence,
            service: Service::ALL.into_iter().find(|service| service.dead_letters() == message.subject.as_str())?,
            buried_at: SystemTime::from(message.time).into(),
            subject: text(names::SUBJECT),
            command_id: headers::parse(found, names::COMMAND_ID).ok().flatten(),
            actor: headers::parse(found, names::ACTOR).ok().flatten(),
            if_version: headers::parse(found, names::IF_VERSION).ok().flatten(),
            reason: text(names::REASON),
            payload: message.payload,
        })
    }

    /// The command's name; none for a batch that could not be read at all.
    pub fn command(&self) -> Option<&str> {
        let name = self.subject.rsplit('.').next().filter(|name| *name != BATCH)?;
        (self.subject == self.service.command(name)).then_some(name)
    }
}

impl Client {
    /// A page of dead letters, of one service or of all, the oldest first.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when the broker is away.
    pub async fn letters(&self, of: Option<Service>, after: u64, limit: Limit) -> Result<Page<Letter>, Problem> {
        let stream = self.letter_stream().await?;
        let subject = of.map_or(ALL_DEAD_LETTERS.to_owned(), Service::dead_letters);
        let (mut next, mut letters) = (after + 1, Vec::new());
        while letters.len() <= usize::from(u16::from(limit)) {
            let found = dead_letters::next(&stream, &subject, next).await.map_err(|error| away(&error))?;
            let Some(message) = found else { break };
            next = message.sequence + 1;
            letters.extend(Letter::read(message));
        }
        Ok(Page::new(letters, limit, |letter| letter.sequence.to_string()))
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`Case::NotFound`]; [`Case::Unavailable`] when the broker is away.
    pub async fn letter(&self, sequence: u64) -> Result<Letter, Problem> {
        // To the broker, 0 is no sequence at all.
        if sequence == 0 {
            return Err(unknown(sequence));
        }
        let found = dead_letters::found(self.letter_stream().await?.get_raw_message(sequence).await);
        found.map_err(|error| away(&error))?.and_then(Letter::read).ok_or_else(|| unknown(sequence))
    }

    /// Sends a dead letter's command again, under the same id and for whoever gave it, and removes the letter. Whatever
    /// becomes of it, it takes effect at most once; when it fails again, it is a dead letter again.
    ///
    /// # Errors
    /// [`Case::NotFound`]; [`Case::NotRetriable`] for what could not be read the next time either;
    /// [`Case::Unavailable`] when the broker is away.
    pub async fn send_again(&self, sequence: u64) -> Result<CommandId, Problem> {
        let letter = self.letter(sequence).await?;
        let unreadable = |what: &str| Problem::new(Case::NotRetriable, format!("{what}, so it can only be dropped"));
        let name = letter.command().ok_or_else(|| unreadable("it does not tell which command it is"))?;
        let id = letter.command_id.ok_or_else(|| unreadable("it does not tell which command it is"))?;
        let actor = letter.actor.clone().ok_or_else(|| unreadable("it does not tell who gave the command"))?;
        let data: Box<RawValue> =
            serde_json::from_slice(&letter.payload).map_err(|_| unreadable("its payload is not JSON"))?;
        let order = Order { id, actor, if_version: letter.if_version, expires: Some(Utc::now() + EXPIRES) };
        self.publish_raw(letter.service, name.to_owned(), data, order).await?;
        // Only now: a letter that is sent again twice harms nobody.
        self.remove_letter(sequence).await?;
        Ok(id)
    }

    /// Removes a dead letter for good.
    ///
    /// # Errors
    /// [`Case::NotFound`]; [`Case::Unavailable`] when the broker is away.
    pub async fn drop_letter(&self, sequence: u64) -> Result<(), Problem> {
        self.letter(sequence).await?;
        self.remove_letter(sequence).await
    }

    async fn remove_letter(&self, sequence: u64) -> Result<(), Problem> {
        let removed = self.letter_stream().await?.delete_message(sequence).await;
        removed.map(drop).map_err(|error| away(&error))
    }

    async fn letter_stream(&self) -> Result<Stream<()>, Problem> {
        self.jetstream()?.get_stream_no_info(DEAD_LETTERS_STREAM).await.map_err(|error| away(&error))
    }
}

fn unknown(sequence: u64) -> Problem {
    Problem::new(Case::NotFound, format!("there is no dead letter {sequence}"))
}

fn away(error: &dyn std::error::Error) -> Problem {
    tracing::debug!(%error, "dead letters cannot be reached");
    Problem::new(Case::Unavailable, "the dead letters cannot be reached at the moment")
}
