//! Events on the wire: CloudEvents 1.0 in NATS's binary mode, the attributes as headers and the data as payload; and in
//! JSON, many in one message.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use bytes::Bytes;
use chrono::SecondsFormat;
use contracts::message::LiveEvent;
use contracts::{EventSet, Service};

use crate::domain::Recorded;
use crate::events::Published;
use crate::headers;
use crate::journal::{Row, event_id, utc};

/// NATS's own: what must be the stream's last sequence for the message to be taken.
const EXPECTED_LAST_SEQUENCE: &str = "Nats-Expected-Last-Sequence";
/// NATS's own: the one stream that takes the message. An event that is delivered to a consumer keeps it, so that nobody
/// can have it delivered into another stream.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";
/// The version of CloudEvents.
const SPEC: &str = "1.0";
const SPEC_VERSION: &str = "ce-specversion";
const ID: &str = "ce-id";
const SOURCE: &str = "ce-source";
const TYPE: &str = "ce-type";
const SUBJECT: &str = "ce-subject";
const TIME: &str = "ce-time";
const DATA_SCHEMA: &str = "ce-dataschema";
/// The partitioning extension: whose state the event adds to.
const PARTITION_KEY: &str = "ce-partitionkey";
/// An extension of ours: the event's place in that state's stream.
const STREAM_VERSION: &str = "ce-streamversion";
/// The correlation extension: the command that the event follows from.
const CAUSATION_ID: &str = "ce-causationid";

/// An event, ready to publish.
pub(crate) struct Outbound {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// A row of the journal as a message that only fits at its own position.
pub(crate) fn write(service: Service, row: &Row) -> Outbound {
    let event = row.event_type.split('.').next().unwrap_or_default();
    let headers = headers::map([
        (EXPECTED_LAST_SEQUENCE, (row.position - 1).to_string()),
        (EXPECTED_STREAM, service.events_stream().to_owned()),
        ("content-type", "application/json".to_owned()),
        (SPEC_VERSION, SPEC.to_owned()),
        (ID, event_id(row.command_id.0, row.position).to_string()),
        (SOURCE, source(service)),
        (TYPE, row.event_type.clone()),
        (SUBJECT, row.entity_id.0.to_string()),
        (TIME, utc(row.recorded_at).to_rfc3339_opts(SecondsFormat::Micros, true)),
        (DATA_SCHEMA, service.schema("event", &row.event_type)),
        (PARTITION_KEY, row.stream_id.0.to_string()),
        (STREAM_VERSION, row.version.to_string()),
        (CAUSATION_ID, row.command_id.0.to_string()),
    ]);
    Outbound { subject: service.event(row.entity_id.0, event), headers, payload: Bytes::from(row.data.clone()) }
}

fn source(service: Service) -> String {
    format!("/marquee/{service}")
}

/// What a message of the stream says of its event: only what is asked for is read, because projections read millions.
struct Head<'m> {
    position: u64,
    headers: Option<&'m HeaderMap>,
}

impl<'m> Head<'m> {
    fn of(message: &'m Message) -> Result<Self, String> {
        let position = message.info().map_err(|error| error.to_string())?.stream_sequence;
        Ok(Self { position, headers: message.headers.as_ref() })
    }

    fn text(&self, name: &str) -> Result<&'m str, String> {
        headers::text(self.headers, name).ok_or_else(|| self.lacks(name))
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Result<T, String>
    where
        T::Err: Display,
    {
        headers::parse(self.headers, name)?.ok_or_else(|| self.lacks(name))
    }

    fn lacks(&self, name: &str) -> String {
        format!("the event at {} has no {name}", self.position)
    }
}

/// A row of the journal as one of several in a message.
///
/// # Errors
/// When its data is not JSON.
pub(crate) fn live(service: Service, row: &Row) -> serde_json::Result<LiveEvent<'_>> {
    Ok(LiveEvent {
        specversion: SPEC.into(),
        id: event_id(row.command_id.0, row.position),
        source: source(service).into(),
        event_type: Cow::from(&row.event_type),
        subject: row.entity_id.0,
        time: utc(row.recorded_at),
        dataschema: service.schema("event", &row.event_type).into(),
        data: serde_json::from_str(&row.data)?,
    })
}

/// Reads an event of the stream, whatever it says.
///
/// # Errors
/// In words, for a message that no relay of ours wrote.
pub(crate) fn published(message: &Message) -> Result<Published, String> {
    let head = Head::of(message)?;
    let (event_type, entity, recorded_at) = (head.text(TYPE)?, head.parsed(SUBJECT)?, head.parsed(TIME)?);
    let (id, source, schema) = (head.parsed(ID)?, head.text(SOURCE)?, head.text(DATA_SCHEMA)?);
    let json = |data| {
        serde_json::to_vec(&LiveEvent {
            specversion: SPEC.into(),
            id,
            source: source.into(),
            event_type: event_type.into(),
            subject: entity,
            time: recorded_at,
            dataschema: schema.into(),
            data,
        })
    };
    Ok(Published {
        position: head.position,
        event_type: event_type.to_owned(),
        entity,
        recorded_at,
        data: message.payload.clone(),
        json: serde_json::from_slice(&message.payload).and_then(json).ok().map(Bytes::from),
    })
}

/// Reads an event in JSON out of a message.
///
/// # Errors
/// When it is none.
pub(crate) fn read_json(position: u64, json: &str, message: &Bytes) -> serde_json::Result<Published> {
    let event: LiveEvent<'_> = serde_json::from_str(json)?;
    Ok(Published {
        position,
        event_type: event.event_type.into_owned(),
        entity: event.subject,
        recorded_at: event.time,
        data: message.slice_ref(event.data.get().as_bytes()),
        json: Some(message.slice_ref(json.as_bytes())),
    })
}

/// Reads an event of the stream as the program knows it.
///
/// # Errors
/// In words, for a message that no relay of ours wrote, or of a type that this program does not know.
pub(crate) fn read<E: EventSet>(message: &Message) -> Result<Recorded<E>, String> {
    let head = Head::of(message)?;
    let event = E::decode(head.text(TYPE)?, &message.payload);
    Ok(Recorded {
        id: head.parsed(ID)?,
        position: head.position,
        stream_id: head.parsed(PARTITION_KEY)?,
        version: head.parsed(STREAM_VERSION)?,
        recorded_at: head.parsed(TIME)?,
        event: event.map_err(|error| format!("position {}: {error}", head.position))?,
    })
}
