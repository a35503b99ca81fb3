//! The forms that every message takes, whatever it says: command, outcome, event, query.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actor::Actor;
use crate::ids::CommandId;
use crate::problem::{Case, FieldError, Problem};
use crate::subjects::Service;

/// A command's payload.
pub trait Command: Serialize + DeserializeOwned + JsonSchema + Send + Sync {
    /// Who decides it.
    const SERVICE: Service;
    /// The last token of its subject.
    const NAME: &'static str;
    /// The body of its outcome when it is accepted.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Send;
}

/// All commands of a service as one type.
pub trait CommandSet: Sized + Clone + Send + Sync + 'static {
    /// Who decides them.
    const SERVICE: Service;
    /// Reads the payload of the command with this name.
    ///
    /// # Errors
    /// [`Case::InvalidInput`] when there's no such command, or with the field that is wrong.
    fn decode(name: &str, payload: &[u8]) -> Result<Self, Problem>;
    /// The command's name.
    fn name(&self) -> &'static str;
    /// The JSON payload.
    ///
    /// # Errors
    /// Never for the types of this crate; passed on for the caller's `?`.
    fn encode(&self) -> serde_json::Result<Box<RawValue>>;
    /// What there is, for schemas and for `nats micro info`.
    fn specs() -> Vec<MessageSpec>;
}

/// All events of a service as one type.
pub trait EventSet: Sized + Clone + Send + Sync + 'static {
    /// Whose journal they are in.
    const SERVICE: Service;
    /// Name and version as stored, such as `booking-placed.v1`.
    fn type_name(&self) -> &'static str;
    /// The id of the thing that it happened to: the third-last token's value in the subject, and `ce-subject`.
    fn entity(&self) -> Uuid;
    /// The JSON body.
    ///
    /// # Errors
    /// Never for the types of this crate; passed on for the caller's `?`.
    fn encode(&self) -> serde_json::Result<String>;
    /// Reads what was stored under `type_name`.
    ///
    /// # Errors
    /// In words, for an unknown type or a body that does not fit.
    fn decode(type_name: &str, body: &[u8]) -> Result<Self, String>;
    /// What there is, for schemas.
    fn specs() -> Vec<MessageSpec>;
}

/// A question to a service, answered from its projections (`cinema.qry`) or its committed state (`cinema.rpc`).
pub trait Query: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Who answers.
    const SERVICE: Service;
    /// The subject's kind, `qry` or `rpc`.
    const KIND: QueryKind;
    /// The last token of its subject.
    const NAME: &'static str;
    /// One sentence for `nats micro info`.
    const DESCRIPTION: &'static str;
    /// The answer.
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    /// The subject it is asked on.
    fn subject() -> String {
        match Self::KIND {
            QueryKind::Query => Self::SERVICE.query(Self::NAME),
            QueryKind::Rpc => Self::SERVICE.rpc(Self::NAME),
        }
    }

    /// Its schemas.
    fn spec() -> MessageSpec {
        MessageSpec {
            name: Self::NAME,
            description: Self::DESCRIPTION,
            request: schema_of::<Self>,
            reply: Some(schema_of::<Self::Reply>),
            about: None,
        }
    }
}

/// Where a query's answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKind {
    /// From projections, for anyone.
    Query,
    /// From committed state, for other services.
    Rpc,
}

/// One message type and its JSON Schemas.
#[derive(Clone, Copy, Debug)]
pub struct MessageSpec {
    /// The last token of the subject, or the stored event type.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// The body.
    pub request: fn() -> Schema,
    /// What is answered; `None` for events.
    pub reply: Option<fn() -> Schema>,
    /// For events the field with the id that is in their subject, of the thing that it happened to.
    pub about: Option<&'static str>,
}

/// The JSON Schema (2020-12) of a message body, as it's written on the wire.
pub fn schema_of<T: JsonSchema>() -> Schema {
    SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>()
}

/// Reads a JSON body; on failure names the field.
///
/// # Errors
/// [`Case::InvalidInput`] with the path of the field that is wrong.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // JSON that breaks off has no path, written as a question mark.
        let path = Some(error.path().to_string()).filter(|path| path != "?").unwrap_or_else(|| ".".into());
        let message = in_words_of_json(&error.inner().to_string());
        let place = if path == "." { String::new() } else { format!(" at {path}") };
        Problem::new(Case::InvalidInput, format!("the body does not fit{place}: {message}"))
            .with_errors(vec![FieldError::new(path, "invalid", message)])
    })?;
    json.end().map_err(|error| Problem::invalid(".", format!("the body is not JSON: {error}")))?;
    Ok(value)
}

/// What serde says of input that does not fit, without the names of our types, which tell a caller nothing.
pub fn in_words_of_json(message: &str) -> String {
    let words = message.replacen("unknown variant", "unknown value", 1);
    let mut words = words.replacen("expected variant identifier", "expected a string", 1);
    for kind in ["internally tagged enum ", "tuple struct ", "struct ", "enum "] {
        if let Some((before, after)) = words.split_once(&format!("expected {kind}")) {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            words = format!("{before}expected an object{rest}");
        }
    }
    words
}

/// Whether a command took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeStatus {
    /// It did; the body is its answer.
    Accepted,
    /// It did not and never will; the body is a [`Problem`].
    Refused,
}

/// The answer to a command that removes something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    /// What is gone.
    pub id: Uuid,
    /// Its last version.
    pub version: u32,
}

/// What became of a command. Stored with its events in one transaction, so it can always be asked again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The command.
    pub command_id: CommandId,
    /// Whether it took effect.
    pub status: OutcomeStatus,
    /// The journal's position after it was decided: who reads at this position sees its effect.
    pub position: u64,
    /// The answer, or the problem.
    pub body: Box<RawValue>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
}

impl Outcome {
    /// The answer of an accepted command.
    ///
    /// # Errors
    /// The problem of a refused one; [`Case::Internal`] for a body that isn't an `A`.
    pub fn into_result<A: DeserializeOwned>(self) -> Result<A, Problem> {
        let unreadable = |error| Problem::new(Case::Internal, format!("an outcome cannot be read: {error}"));
        match self.status {
            OutcomeStatus::Accepted => serde_json::from_str(self.body.get()).map_err(unreadable),
            OutcomeStatus::Refused => Err(serde_json::from_str(self.body.get()).unwrap_or_else(unreadable)),
        }
    }
}

/// One command of a CloudEvents 1.0 JSON batch on `cinema.cmd.<service>.batch`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BatchedCommand {
    /// Always `1.0`.
    pub specversion: String,
    /// The command's id.
    pub id: CommandId,
    /// Who published it, a URI reference.
    pub source: String,
    /// The command's name.
    #[serde(rename = "type")]
    pub name: String,
    /// Who gives it. Only the gateway and the services may publish batches, so it is believed.
    #[serde(rename = "marqueeactor")]
    pub actor: Actor,
    /// As the header `Marquee-Expires`.
    #[serde(rename = "marqueeexpires", default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// As the header `Marquee-If-Version`.
    #[serde(rename = "marqueeifversion", default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u32>,
    /// The payload.
    pub data: Box<RawValue>,
}

/// One event of a CloudEvents 1.0 JSON batch on `cinema.live.<service>`, and the data of a server-sent event. Without the
/// command that it follows from, whose id opens the operation to anyone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LiveEvent<'a> {
    /// Always `1.0`.
    #[serde(borrow)]
    pub specversion: Cow<'a, str>,
    /// The event's id: the same whenever it's delivered.
    pub id: Uuid,
    /// Whose journal it is in: `/marquee/<service>`.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// What happened, with the version of the data's form: `booking-placed.v1`.
    #[serde(rename = "type", borrow)]
    pub event_type: Cow<'a, str>,
    /// The id of the thing that it happened to.
    pub subject: Uuid,
    /// When it was recorded.
    #[serde(serialize_with = "in_microseconds")]
    pub time: DateTime<Utc>,
    /// The `$id` of the data's schema.
    #[serde(borrow)]
    pub dataschema: Cow<'a, str>,
    /// The data.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// As it is stored.
fn in_microseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}
