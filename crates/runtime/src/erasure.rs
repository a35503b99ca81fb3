//! Erasing what must not be known any more. A command that could not be read lies among the dead letters with all that
//! its sender wrote; when a service erases what it knows of somebody, the letters that mention it have to go, too.
//!
//! What is to go is noted ([`note`]) in the transaction that erases it from the tables, and is looked for until no
//! letter mentions it: a crash on the way delays that and forgets nothing.

use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use contracts::subjects::ALL_DEAD_LETTERS;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::{Connection, Database, StoreError, backoff};
use crate::dead_letters::{self, DeadLetters};
use crate::health::Check;
use crate::prepared::{counted, pieces};
use crate::schema::erasures;
use crate::streams;

/// How often to look whether something is to be erased.
const LOOK: Duration = Duration::from_secs(1);
/// How often to look whether the commands from before have been decided.
const PAUSE: Duration = Duration::from_millis(100);

/// What must not be in any dead letter any more. Case makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Insertable)]
#[diesel(table_name = erasures, treat_none_as_default_value = false)]
pub struct Remains {
    text: String,
    telling: bool,
}

impl Remains {
    /// What tells by itself whom it is about, such as an e-mail address; at most 255 characters. Letters of all services
    /// go that have it anywhere.
    pub fn telling(text: impl Into<String>) -> Self {
        Self { text: text.into(), telling: true }
    }

    /// What others may have as well, such as a name; at most 255 characters. Only letters of this service go, and only
    /// where it is a whole value: nobody can have others' letters removed by taking a common word for a name.
    pub fn common(text: impl Into<String>) -> Self {
        Self { text: text.into(), telling: false }
    }
}

/// Notes what is to be erased, in the transaction that erases it from the tables.
///
/// # Errors
/// When the store is away.
pub async fn note(connection: &mut Connection, remains: &[Remains]) -> Result<(), StoreError> {
    for part in pieces(remains) {
        counted(diesel::insert_into(erasures::table).values(part), part.len()).execute(connection).await?;
    }
    Ok(())
}

/// Removes the dead letters that mention what was erased.
pub(crate) struct Eraser {
    pub(crate) database: Database,
    pub(crate) letters: DeadLetters,
    pub(crate) health: Check,
}

impl Eraser {
    /// Runs until `shutdown`. What is stopped half-way is done again.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            let pause = tokio::select! {
                result = self.erase() => match result {
                    Ok(()) => {
                        failures = 0;
                        self.health.set(Ok(()));
                        LOOK
                    }
                    Err(error) => {
                        failures += 1;
                        self.health.trouble(failures, &format!("dead letters cannot be erased: {error}"));
                        backoff(failures)
                    }
                },
                () = shutdown.cancelled() => return,
            };
            tokio::select! { () = sleep(pause) => {}, () = shutdown.cancelled() => {} }
        }
    }

    async fn erase(&self) -> Result<(), async_nats::Error> {
        let found = erasures::table.select((erasures::id, erasures::text, erasures::telling));
        let rows: Vec<(u64, String, bool)> = found.load(&mut *self.database.connection().await?).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let (ids, remains): (Vec<u64>, Vec<Remains>) =
            rows.into_iter().map(|(id, text, telling)| (id, Remains { text: text.to_lowercase(), telling })).unzip();
        self.until_decided().await?;
        let removed = self.remove_letters(&remains).await?;
        if removed > 0 {
            tracing::info!(removed, "dead letters that mentioned what was erased are gone");
        }
        for part in pieces(&ids) {
            let done = diesel::delete(erasures::table.filter(erasures::id.eq_any(part)));
            counted(done, part.len()).execute(&mut *self.database.connection().await?).await?;
        }
        Ok(())
    }

    /// What was given before the erasure may become a dead letter only now; whatever comes later is somebody's anew.
    async fn until_decided(&self) -> Result<(), async_nats::Error> {
        let DeadLetters { jetstream, service, .. } = &self.letters;
        let commands = async || Ok::<_, async_nats::Error>(streams::commands(jetstream, *service).await?);
        let last = commands().await?.cached_info().state.last_sequence;
        loop {
            let state = commands().await?.cached_info().state.clone();
            // A stream that has fewer than it had was made anew.
            if state.messages == 0 || state.first_sequence > last || state.last_sequence < last {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    /// Looks through all letters. The broker overwrites what it removes.
    async fn remove_letters(&self, remains: &[Remains]) -> Result<usize, async_nats::Error> {
        let stream = self.letters.stream().await?;
        let own = self.letters.service.dead_letters();
        let (mut next, mut removed) = (1, 0);
        loop {
            let found = dead_letters::next(&stream, ALL_DEAD_LETTERS, next).await?;
            let Some(letter) = found else { return Ok(removed) };
            next = letter.sequence + 1;
            if Letter::read(&letter, &own).mentions(remains) {
                stream.delete_message(letter.sequence).await?;
                removed += 1;
            }
        }
    }
}

/// What a dead letter says, in lower case.
struct Letter {
    /// Of the service that erases.
    own: bool,
    /// All of it: as it was sent, and besides without the escapes of JSON.
    text: String,
    /// The texts that are values, if it is JSON.
    values: Option<Vec<String>>,
}

impl Letter {
    fn read(message: &StreamMessage, own: &str) -> Self {
        let mut text = String::from_utf8_lossy(&message.payload).to_lowercase();
        let headers = message.headers.iter().flat_map(|(_, values)| values);
        let values = serde_json::from_slice(&message.payload).ok().map(|json: Value| {
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            collect(&json, &mut keys, &mut values);
            for part in keys.iter().chain(&values) {
                text = format!("{text}\n{part}");
            }
            values
        });
        for value in headers {
            text.push('\n');
            text.push_str(&value.as_str().to_lowercase());
        }
        Self { own: message.subject.as_str() == own, text, values }
    }

    fn mentions(&self, remains: &[Remains]) -> bool {
        remains.iter().any(|Remains { text, telling }| match &self.values {
            _ if *telling => has(&self.text, text),
            _ if !self.own => false,
            Some(values) => values.iter().any(|value| value == text),
            None => has(&self.text, text),
        })
    }
}

/// All keys and all texts of a JSON value, in lower case.
fn collect(json: &Value, keys: &mut Vec<String>, values: &mut Vec<String>) {
    match json {
        Value::String(text) => values.push(text.trim().to_lowercase()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys, values)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            keys.push(key.to_lowercase());
            collect(value, keys, values);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether the words stand in the text, and not as a part of longer ones.
fn has(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + words.len()..).and_then(|after| after.chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;

    const OWN: &str = "cinema.dlq.users";

    fn letter(subject: &str, payload: &str, reason: &str) -> Letter {
        let mut headers = HeaderMap::new();
        headers.insert("Marquee-Reason", reason);
        let (payload, time) = (payload.to_owned().into(), std::time::SystemTime::UNIX_EPOCH.into());
        Letter::read(&StreamMessage { subject: subject.into(), sequence: 1, headers, payload, time }, OWN)
    }

    #[test]
    fn what_tells_whom_it_is_about_is_found_wherever_it_stands() {
        let remains = [Remains::telling("ada@example.com")];
        for (payload, reason) in [
            (r#"{"email":"Ada@Example.com"}"#, ""),
            (r#"{"email":"\u0061da@example.com","#, "string \"ADA@example.com\""),
            (r#"{"email":"\u0061da@example.com"}"#, ""),
            (r#"{"ada@example.com":[]}"#, ""),
            ("email: ada@example.com", ""),
        ] {
            assert!(letter(OWN, payload, reason).mentions(&remains), "{payload}");
            assert!(letter("cinema.dlq.movies", payload, reason).mentions(&remains), "{payload}");
        }
        for payload in [r#"{"email":"bada@example.com"}"#, "ada@example.community", "{}", ""] {
            assert!(!letter(OWN, payload, "").mentions(&remains), "{payload}");
        }
    }

    #[test]
    fn a_common_word_is_a_name_only_as_a_value_of_ones_own() {
        let remains = [Remains::common("email"), Remains::common("zoë")];
        for payload in [r#"{"username":"Email"}"#, r#"[{"data":{"full_name":" ZO\u00cb "}}]"#, r#"{"email":"#] {
            assert!(letter(OWN, payload, "").mentions(&remains), "{payload}");
            assert!(!letter("cinema.dlq.movies", payload, "").mentions(&remains), "{payload}");
        }
        for payload in [r#"{"email":"bob@example.com"}"#, r#"{"full_name":"Zoë Müller"}"#, r#"{"emails":"#] {
            assert!(!letter(OWN, payload, "").mentions(&remains), "{payload}");
        }
    }
}
