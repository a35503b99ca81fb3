//! Server-sent events, as a client gets them.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::Api;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream of server-sent events that is open.
pub struct Listening {
    response: Response,
    /// What has come and is no whole block yet.
    rest: String,
    /// The id to come back with.
    pub last_id: String,
}

/// A block of a stream: an event, a heartbeat, or what it begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The id, if it has one.
    pub id: Option<String>,
    /// The event's name.
    pub event: String,
    /// The event's data; null without an event.
    pub data: Value,
    /// What clients don't look at.
    pub comment: Option<String>,
    /// When to come back, in milliseconds.
    pub retry: Option<String>,
}

impl Listening {
    /// Listens from now on.
    pub async fn open(api: &Api, path: &str) -> Self {
        Self::open_behind(api, path, "").await
    }

    /// Listens from behind the event with this id.
    pub async fn open_behind(api: &Api, path: &str, last_id: &str) -> Self {
        Self::try_open(api, path, last_id).await.expect("an answer")
    }

    /// The same, if the gateway can be reached.
    ///
    /// # Errors
    /// When it can't.
    pub async fn try_open(api: &Api, path: &str, last_id: &str) -> reqwest::Result<Self> {
        let mut request = api.request(Method::GET, path).header("accept", "text/event-stream");
        if !last_id.is_empty() {
            request = request.header("last-event-id", last_id);
        }
        let response = request.send().await?.error_for_status()?;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Self { response, rest: String::new(), last_id: last_id.to_owned() })
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> &str {
        self.response.headers()[name].to_str().expect("a header of text")
    }

    /// The next block; `None` at the end, clean or not.
    pub async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (Block::read(block), rest.to_owned());
                self.rest = rest;
                if let Some(id) = &block.id {
                    self.last_id.clone_from(id);
                }
                return Some(block);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something in time");
            self.rest.push_str(std::str::from_utf8(&chunk.ok()??).expect("UTF-8"));
        }
    }

    /// The events that come before one that is about this thing.
    pub async fn until(&mut self, subject: &str) -> Vec<Block> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("no end yet");
            if event.data["subject"] == subject {
                return events;
            }
            events.push(event);
        }
    }

    /// Waits for the end, clean or not.
    pub async fn end(mut self) {
        while self.block().await.is_some() {}
    }

    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<Block> {
        loop {
            let block = self.block().await?;
            if !block.data.is_null() {
                return Some(block);
            }
        }
    }

    /// So many events.
    pub async fn take(&mut self, count: usize) -> Vec<Block> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.expect("no end yet"));
        }
        events
    }
}

impl Block {
    /// The place in the users service's journal that its id tells.
    pub fn users_position(&self) -> u64 {
        let place = self.id.as_deref().expect("an id");
        place.split('.').next().and_then(|part| part.strip_prefix('u')?.parse().ok()).expect("a position")
    }

    fn read(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').expect("a field");
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "id" => block.id = Some(value),
                "event" => block.event = value,
                "data" => block.data = serde_json::from_str(&value).expect("JSON"),
                "retry" => block.retry = Some(value),
                "" => block.comment = Some(value),
                _ => panic!("{line}"),
            }
        }
        block
    }
}
