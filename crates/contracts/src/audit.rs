//! Who did what when: what every service answers about its own journal.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::actor::Actor;
use crate::ids::CommandId;
use crate::message::{MessageSpec, schema_of};
use crate::page::{Limit, Page};
use crate::subjects::Service;

/// The last token of the subject on which a service answers [`GetAudit`] with a page of [`AuditEntry`].
pub const AUDIT: &str = "audit";

/// A question names at most so many things.
pub const ENTITIES: usize = 200;

/// From which end of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditOrder {
    /// What happened last comes first.
    #[default]
    NewestFirst,
    /// What happened first does.
    OldestFirst,
}

/// Asks for entries of a service's journal: `cinema.qry.<service>.audit`, the same for every service. All filters that
/// are there hold together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAudit {
    /// Only about these things; about anything when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("maxItems" = ENTITIES))]
    pub entity_ids: Vec<Uuid>,
    /// Only what this account did, such as `user:<id>`, `operator` or `machine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only events of this type, such as `booking-placed.v1`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Only from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Only before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
    /// In which order.
    #[serde(default)]
    pub order: AuditOrder,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended: the position of its last entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One journal entry: what happened, and who made it happen. It has no personal data, since no event has.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// In whose journal.
    pub service: Service,
    /// Its place there.
    pub position: u64,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// Who: an account with its roles.
    pub actor: Actor,
    /// The command that it followed from.
    pub command_id: CommandId,
    /// The thing that it happened to.
    pub entity_id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The event's data.
    pub data: Box<RawValue>,
}

/// The schemas of the question and its answer.
pub fn spec() -> MessageSpec {
    MessageSpec {
        name: AUDIT,
        description: "Who did what when, from the journal.",
        request: schema_of::<GetAudit>,
        reply: Some(schema_of::<Page<AuditEntry>>),
        about: None,
    }
}
