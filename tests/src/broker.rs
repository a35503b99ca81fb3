//! NATS, as a script or a subscriber talks to it.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::{self, Message};
use async_nats::service::NATS_SERVICE_ERROR_CODE;
use async_nats::{Client, HeaderMap};
use contracts::subjects::{DEAD_LETTERS_STREAM, headers};
use contracts::{Outcome, OutcomeStatus, Service};
use futures_util::StreamExt;
use runtime::broker::sign_in;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::eventually;

/// A reply, and its error code if it is an error.
fn read(reply: &async_nats::Message) -> (Value, Option<String>) {
    let code = reply.headers.as_ref().and_then(|headers| headers.get(NATS_SERVICE_ERROR_CODE));
    (serde_json::from_slice(&reply.payload).unwrap_or(Value::Null), code.map(ToString::to_string))
}

/// A connection to the broker.
#[derive(Clone)]
pub struct Broker {
    /// The connection itself.
    pub client: Client,
}

/// An event as a subscriber gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// What it was published on.
    pub subject: String,
    /// The CloudEvents attributes, such as `type`.
    pub attributes: BTreeMap<String, String>,
    /// The data.
    pub data: Value,
}

impl Broker {
    /// Connects, and signs in as the user in the URL.
    pub async fn connect(url: &str) -> Self {
        let (address, options) = sign_in(url).expect("a URL");
        Self { client: options.connect(address).await.expect("a broker") }
    }

    /// Asks on any subject: the reply, and its error code if it is an error.
    pub async fn request(&self, subject: &str, payload: &[u8]) -> (Value, Option<String>) {
        read(&self.client.request(subject.to_owned(), payload.to_vec().into()).await.expect("a reply"))
    }

    /// The answer to a query.
    pub async fn query(&self, service: Service, query: &str, payload: Value) -> Value {
        let subject = service.query(query);
        let (reply, code) = self.request(&subject, payload.to_string().as_bytes()).await;
        assert_eq!(code, None, "{subject}: {reply:#}");
        reply
    }

    /// The same, from these positions at least, such as `bookings=7`.
    pub async fn query_from(&self, positions: String, service: Service, query: &str, payload: Value) -> Value {
        let mut with = HeaderMap::new();
        with.insert(headers::MIN_POSITION, positions);
        let subject = service.query(query);
        let asked = self.client.request_with_headers(subject.clone(), with, payload.to_string().into());
        let (reply, code) = read(&asked.await.expect("a reply"));
        assert_eq!(code, None, "{subject}: {reply:#}");
        reply
    }

    /// The outcome of a command that is answered; a refused one has the code of its problem, too.
    pub async fn ask(&self, service: Service, command: &str, payload: Value) -> Outcome {
        let subject = service.ask(command);
        let (reply, code) = self.request(&subject, payload.to_string().as_bytes()).await;
        let status = reply["body"]["status"].as_u64().filter(|_| reply["status"] == "refused");
        assert_eq!(code, status.map(|status| status.to_string()), "{subject}: {reply:#}");
        serde_json::from_value(reply).expect("an outcome")
    }

    /// The answer of a command that is accepted.
    pub async fn accepted(&self, service: Service, command: &str, payload: Value) -> Value {
        let outcome = self.ask(service, command, payload).await;
        assert_eq!(outcome.status, OutcomeStatus::Accepted, "{}", outcome.body);
        serde_json::from_str(outcome.body.get()).expect("JSON")
    }

    /// Publishes a durable command with this id; returns when it is on the broker's disk.
    pub async fn command(&self, service: Service, command: &str, payload: impl Into<Vec<u8>>, id: Uuid) {
        let mut with = HeaderMap::new();
        with.insert(headers::MESSAGE_ID, id.to_string());
        self.publish(service, command, payload, with).await;
    }

    /// Publishes whatever it is on a command's subject, with these headers.
    pub async fn publish(&self, service: Service, command: &str, payload: impl Into<Vec<u8>>, headers: HeaderMap) {
        let jetstream = jetstream::new(self.client.clone());
        let published = jetstream.publish_with_headers(service.command(command), headers, payload.into().into());
        published.await.expect("published").await.expect("an acknowledgement");
    }

    /// What became of a command, once that is known.
    pub async fn outcome(&self, service: Service, id: Uuid) -> Outcome {
        let question = json!({ "command_id": id }).to_string();
        eventually("an outcome", async || {
            let (reply, code) = self.request(&service.query("operation"), question.as_bytes()).await;
            code.is_none().then(|| serde_json::from_value(reply).expect("an outcome"))
        })
        .await
    }

    /// The last sequence of a service's event stream; 0 when there is no stream.
    pub async fn last_sequence(&self, service: Service) -> u64 {
        let stream = jetstream::new(self.client.clone()).get_stream(service.events_stream()).await;
        stream.map_or(0, |stream| stream.cached_info().state.last_sequence)
    }

    /// All events of a service up to and including this sequence.
    pub async fn events(&self, service: Service, last: u64) -> Vec<Event> {
        eventually("the events", async || (self.last_sequence(service).await >= last).then_some(())).await;
        self.read(service.events_stream(), last).await.into_iter().map(Event::from).collect()
    }

    /// The first dead letter with this header, once it is there.
    pub async fn dead_letter(&self, header: &str, value: &str) -> Message {
        eventually("a dead letter", async || {
            let fits = |letter: &Message| letter.headers.as_ref()?.get(header).map(|found| found.as_str() == value);
            self.dead_letters().await.into_iter().find(|letter| fits(letter).unwrap_or(false))
        })
        .await
    }

    /// All dead letters.
    pub async fn dead_letters(&self) -> Vec<Message> {
        match jetstream::new(self.client.clone()).get_stream(DEAD_LETTERS_STREAM).await {
            Ok(stream) => self.read(DEAD_LETTERS_STREAM, stream.cached_info().state.last_sequence).await,
            Err(_) => Vec::new(),
        }
    }

    async fn read(&self, stream: &str, last: u64) -> Vec<Message> {
        let stream = jetstream::new(self.client.clone()).get_stream(stream).await.expect("a stream");
        let mut read = Vec::new();
        if last == 0 || stream.cached_info().state.messages == 0 {
            return read;
        }
        let config = OrderedConfig { deliver_policy: DeliverPolicy::All, ..OrderedConfig::default() };
        let mut messages =
            stream.create_consumer(config).await.expect("a consumer").messages().await.expect("messages");
        loop {
            let message = messages.next().await.expect("no end").expect("a message");
            let info = message.info().expect("an info");
            // The last ones may have been removed.
            let is_last = info.stream_sequence >= last || info.pending == 0;
            read.push(message);
            if is_last {
                return read;
            }
        }
    }
}

fn sequence(message: &Message) -> u64 {
    message.info().expect("an info").stream_sequence
}

impl From<Message> for Event {
    fn from(message: Message) -> Self {
        let headers = message.headers.clone().unwrap_or_default();
        let attributes = headers.iter().filter_map(|(name, values)| {
            let name = name.to_string().strip_prefix("ce-")?.to_owned();
            Some((name, values.first()?.to_string()))
        });
        Self {
            sequence: sequence(&message),
            subject: message.subject.to_string(),
            attributes: attributes.collect(),
            data: serde_json::from_slice(&message.payload).expect("JSON"),
        }
    }
}
