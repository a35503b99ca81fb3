//! The event stream: each message that it has is the journal's row at its sequence, and none is missing in between.

use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Config, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::State;
use contracts::Service;
use futures_util::StreamExt;
use runtime::inspection::{self, Row};
use tokio::time::timeout;

use super::around::Around;
use super::finding::{Findings, range};
use super::reading::Pages;

/// How many messages are on their way at once.
const BATCH: usize = 5000;
/// How long the next message may take, and how long the broker keeps a consumer that nobody reads from: longer than a busy
/// store takes for a page of the journal.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream as it is compared with its journal.
pub(super) struct Check {
    service: Service,
    findings: Findings,
    /// What would mend the stream.
    again: String,
    /// Its messages; none where there is no stream.
    messages: Option<Reader>,
    last: u64,
}

impl Check {
    /// # Errors
    /// When store or broker can't be looked at.
    pub(super) async fn open(around: &Around, service: Service) -> anyhow::Result<Self> {
        let mut findings = Findings::of("stream");
        let name = service.events_stream();
        let again =
            format!("delete the stream {name} as provisioner (nats stream rm {name}): its relay writes all again");
        // That there is none, and what it lacks at its end, is what waiting for the relay has shown.
        let Some(state) = state(around, name).await? else {
            return Ok(Self { service, findings, again, messages: None, last: 0 });
        };
        let head = inspection::head(&mut around.connect(service).await?).await?;
        if state.last_sequence > head {
            let what = format!("ends at {}, ahead of the journal at {head}", state.last_sequence);
            findings.add(format!("{service}, stream {name}"), format!("{what}: was the store restored?"), &again);
        }
        let (first, last) = (state.first_sequence.max(1), state.last_sequence.min(head));
        let messages = Some(Reader::open(around, name, first, last).await?);
        Ok(Self { service, findings, again, messages, last })
    }

    /// # Errors
    /// When the broker can't be looked at.
    pub(super) async fn run(mut self, mut journal: Pages) -> anyhow::Result<Vec<Findings>> {
        let Some(mut messages) = self.messages.take() else { return Ok(vec![self.findings]) };
        let (present, mut missing) = (messages.first..=self.last, None::<(u64, u64)>);
        while let Some(page) = journal.next().await {
            for row in page.iter().map(|entry| &entry.row).filter(|row| present.contains(&row.position)) {
                if let Some(message) = messages.at(row.position).await? {
                    self.compare(row, &message);
                    continue;
                }
                missing = match missing {
                    Some((first, last)) if last + 1 == row.position => Some((first, row.position)),
                    before => {
                        self.tell_missing(before);
                        Some((row.position, row.position))
                    }
                };
            }
        }
        self.tell_missing(missing);
        Ok(vec![self.findings])
    }

    fn compare(&mut self, row: &Row, message: &Message) {
        let differences = inspection::differences(self.service, row, message);
        if differences.is_empty() {
            return;
        }
        let place = format!("{}, position {}", self.service, row.position);
        let what =
            format!("{} differ between journal and stream (event {})", differences.join(", "), inspection::id(row));
        // Only a person can tell which of the two was changed.
        let mend =
            format!("if the journal is right, {}; if the stream is, put what it has back into the journal", self.again);
        self.findings.add(place, what, mend);
    }

    fn tell_missing(&mut self, missing: Option<(u64, u64)>) {
        if let Some((first, last)) = missing {
            let place = format!("{}, {}", self.service, range(first, last));
            self.findings.add(place, "in the journal and not in the stream", &self.again);
        }
    }
}

/// How a stream is; `None` when there is no such one.
pub(super) async fn state(around: &Around, name: &str) -> anyhow::Result<Option<State>> {
    let found = inspection::existing_stream(&around.jetstream, name).await;
    let found = found.with_context(|| format!("the stream {name} can't be looked at"))?;
    Ok(found.map(|stream| stream.cached_info().state.clone()))
}

/// Reads messages in the order of sequences.
struct Reader {
    /// Where the stream begins.
    first: u64,
    messages: Messages,
    /// The next one and its sequence.
    next: Option<(u64, Message)>,
    /// Whether there is one behind that.
    more: bool,
}

impl Reader {
    async fn open(around: &Around, name: &str, first: u64, last: u64) -> anyhow::Result<Self> {
        let stream = around.jetstream.get_stream_no_info(name).await?;
        let config = Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: first },
            ack_policy: AckPolicy::None,
            inactive_threshold: PATIENCE,
            memory_storage: true,
            ..Config::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let more = first <= last && consumer.cached_info().num_pending > 0;
        let messages = consumer.stream().max_messages_per_batch(BATCH).messages().await?;
        let mut reader = Self { first, messages, next: None, more };
        reader.advance().await?;
        Ok(reader)
    }

    async fn advance(&mut self) -> anyhow::Result<()> {
        self.next = None;
        if self.more {
            let Some(message) = timeout(PATIENCE, self.messages.next()).await.context("the broker sends nothing")?
            else {
                bail!("the broker ended the reading of events");
            };
            let message = message?;
            let info = message.info().map_err(anyhow::Error::from_boxed)?;
            let (sequence, pending) = (info.stream_sequence, info.pending);
            self.more = pending > 0;
            self.next = Some((sequence, message));
        }
        Ok(())
    }

    /// The message at this sequence; what is in front of it is left behind. That the journal lacks it is told elsewhere.
    async fn at(&mut self, sequence: u64) -> anyhow::Result<Option<Message>> {
        loop {
            match self.next.take() {
                Some((found, _)) if found < sequence => self.advance().await?,
                Some((found, message)) if found == sequence => {
                    self.advance().await?;
                    return Ok(Some(message));
                }
                later => {
                    self.next = later;
                    return Ok(None);
                }
            }
        }
    }
}
