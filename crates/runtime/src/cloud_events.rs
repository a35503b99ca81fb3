//! Events on the wire: CloudEvents 1.0 in NATS's binary mode, the attributes as headers and the data as payload.

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::{EventSet, Service};
use uuid::Uuid;

use crate::domain::Recorded;
use crate::events::Published;
use crate::headers;
use crate::journal::{Row, event_id, utc};

/// NATS's own: what must be the stream's last sequence for the message to be taken.
const EXPECTED_LAST_SEQUENCE: &str = "Nats-Expected-Last-Sequence";
/// NATS's own: the one stream that takes the message. An event that is delivered to a consumer keeps it, so that nobody
/// can have it delivered into another stream.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";
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
        (SPEC_VERSION, "1.0".to_owned()),
        (ID, event_id(row.command_id.0, row.position).to_string()),
        (SOURCE, format!("/marquee/{service}")),
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

/// Reads an event of the stream, whatever it says.
///
/// # Errors
/// In words, for a message that no relay of ours wrote.
pub(crate) fn published(message: &Message) -> Result<Published, String> {
    let found = message.headers.as_ref();
    let position = message.info().map_err(|error| error.to_string())?.stream_sequence;
    let missing = |name: &str| format!("the event at {position} has no {name}");
    let text = |name: &'static str| headers::text(found, name).map(str::to_owned).ok_or_else(|| missing(name));
    let id = |name: &'static str| headers::parse::<Uuid>(found, name)?.ok_or_else(|| missing(name));
    Ok(Published {
        position,
        id: id(ID)?,
        event_type: text(TYPE)?,
        entity: id(SUBJECT)?,
        stream_id: id(PARTITION_KEY)?,
        recorded_at: headers::parse::<DateTime<Utc>>(found, TIME)?.ok_or_else(|| missing(TIME))?,
        schema: text(DATA_SCHEMA)?,
        data: message.payload.clone(),
    })
}

/// Reads an event of the stream as the program knows it.
///
/// # Errors
/// In words, for a message that no relay of ours wrote, or of a type that this program does not know.
pub(crate) fn read<E: EventSet>(message: &Message) -> Result<Recorded<E>, String> {
    let Published { position, id, event_type, stream_id, recorded_at, data, .. } = published(message)?;
    let missing = || format!("the event at {position} has no {STREAM_VERSION}");
    Ok(Recorded {
        id,
        position,
        stream_id,
        version: headers::parse(message.headers.as_ref(), STREAM_VERSION)?.ok_or_else(missing)?,
        recorded_at,
        event: E::decode(&event_type, &data).map_err(|error| format!("position {position}: {error}"))?,
    })
}
