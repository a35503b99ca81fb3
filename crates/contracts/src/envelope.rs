//! The headers of each kind of message, for its schema. What a header means, [`crate::subjects::headers`] tells those who
//! read and write them; that they are written like this, the whole-system tests hold.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use uuid::Uuid;

use crate::actor::Actor;

/// The headers of an event: CloudEvents 1.0 in NATS's binary mode, and what the broker has checked.
#[derive(JsonSchema)]
pub struct EventHeaders {
    /// Always `1.0`.
    #[schemars(rename = "ce-specversion", extend("const" = "1.0"))]
    pub spec_version: String,
    /// The event's id: the same whenever it's delivered.
    #[schemars(rename = "ce-id")]
    pub id: Uuid,
    /// Whose journal it is in: `/marquee/<service>`.
    #[schemars(rename = "ce-source", regex(pattern = "^/marquee/[a-z]+$"))]
    pub source: String,
    /// What happened, with the version of the data's form: `booking-placed.v1`.
    #[schemars(rename = "ce-type", regex(pattern = r"^[a-z-]+\.v[1-9][0-9]*$"))]
    pub event_type: String,
    /// The id of the thing that it happened to; it's in the subject, too.
    #[schemars(rename = "ce-subject")]
    pub subject: Uuid,
    /// When it was recorded.
    #[schemars(rename = "ce-time")]
    pub time: DateTime<Utc>,
    /// The `$id` of the data's schema.
    #[schemars(rename = "ce-dataschema", regex(pattern = "^urn:marquee:schema:"))]
    pub data_schema: String,
    /// Whose state it adds to: events with the same key follow from each other.
    #[schemars(rename = "ce-partitionkey")]
    pub partition_key: Uuid,
    /// Its place among the events with that key, from 1.
    #[schemars(rename = "ce-streamversion", regex(pattern = "^[1-9][0-9]*$"))]
    pub stream_version: String,
    /// The command that it followed from.
    #[schemars(rename = "ce-causationid")]
    pub causation_id: Uuid,
    /// Of the payload.
    #[schemars(rename = "content-type", extend("const" = "application/json"))]
    pub content_type: String,
    /// The stream that it belongs to.
    #[schemars(rename = "Nats-Expected-Stream", regex(pattern = "^[A-Z]+_EVENTS$"))]
    pub expected_stream: String,
    /// Its sequence in that stream, less one.
    #[schemars(rename = "Nats-Expected-Last-Sequence", regex(pattern = "^[0-9]+$"))]
    pub expected_last_sequence: String,
}

/// The headers of several events in one message.
#[derive(JsonSchema)]
pub struct LiveHeaders {
    /// The position of the last of them, in its service's journal: `bookings=12`. They follow each other.
    #[schemars(rename = "Marquee-Position", regex(pattern = "^[a-z]+=[0-9]+$"))]
    pub position: String,
}

/// The headers of a durable command.
#[derive(JsonSchema)]
pub struct CommandHeaders {
    /// The command's id, a UUID; from any other text an id is made. Without it, each message is a command of its own.
    #[schemars(rename = "Nats-Msg-Id")]
    pub message_id: Option<String>,
    /// The inbox on which the outcome is awaited.
    #[schemars(rename = "Marquee-Reply-To", regex(pattern = "^_INBOX"))]
    pub reply_to: Option<String>,
    /// Once this time has come, it must not take effect any more.
    #[schemars(rename = "Marquee-Expires")]
    pub expires: Option<DateTime<Utc>>,
    /// The version that the sender saw; another one refuses the command.
    #[schemars(rename = "Marquee-If-Version", regex(pattern = "^[0-9]+$"))]
    pub if_version: Option<String>,
}

/// The headers of several durable commands in one message.
#[derive(JsonSchema)]
pub struct BatchHeaders {
    /// The message's id. Each command has one of its own.
    #[schemars(rename = "Nats-Msg-Id")]
    pub message_id: Option<String>,
    /// The inbox on which the outcomes are awaited.
    #[schemars(rename = "Marquee-Reply-To", regex(pattern = "^_INBOX"))]
    pub reply_to: Option<String>,
}

/// The headers of a command whose outcome is the reply.
#[derive(JsonSchema)]
pub struct AskHeaders {
    /// The command's id, a UUID; from any other text an id is made. Without it, each request is a command of its own.
    #[schemars(rename = "Nats-Msg-Id")]
    pub message_id: Option<String>,
    /// Once this time has come, it must not take effect any more; 10 s from now without it.
    #[schemars(rename = "Marquee-Expires")]
    pub expires: Option<DateTime<Utc>>,
    /// The version that the sender saw; another one refuses the command.
    #[schemars(rename = "Marquee-If-Version", regex(pattern = "^[0-9]+$"))]
    pub if_version: Option<String>,
}

/// The headers of a query.
#[derive(JsonSchema)]
pub struct QueryHeaders {
    /// The least position of each service's journal that the answer may come from: `bookings=12,movies=7`.
    #[schemars(rename = "Marquee-Min-Position", regex(pattern = "^[a-z]+=[0-9]+(, ?[a-z]+=[0-9]+)*$"))]
    pub min_position: Option<String>,
}

/// The headers of a reply that is a problem, or the outcome of a command that was refused.
#[derive(JsonSchema)]
pub struct ProblemHeaders {
    /// The problem's title.
    #[schemars(rename = "Nats-Service-Error")]
    pub error: String,
    /// The problem's status.
    #[schemars(rename = "Nats-Service-Error-Code", regex(pattern = "^[45][0-9]{2}$"))]
    pub code: String,
}

/// The headers of a dead letter.
#[derive(JsonSchema)]
pub struct DeadLetterHeaders {
    /// The command's id and the sequence of the message that it came in.
    #[schemars(rename = "Nats-Msg-Id")]
    pub message_id: String,
    /// The command's id.
    #[schemars(rename = "Marquee-Command-Id")]
    pub command_id: Uuid,
    /// Who gave it, where that could be told.
    #[schemars(rename = "Marquee-Actor")]
    pub actor: Option<Actor>,
    /// The version that they saw.
    #[schemars(rename = "Marquee-If-Version", regex(pattern = "^[0-9]+$"))]
    pub if_version: Option<String>,
    /// The subject that it was published on.
    #[schemars(rename = "Marquee-Subject")]
    pub subject: String,
    /// Why it was not carried out, in words.
    #[schemars(rename = "Marquee-Reason")]
    pub reason: String,
}
