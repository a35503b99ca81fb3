//! Who did what when: what every service answers about its own journal.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ids::CommandId;
use crate::page::Limit;
use crate::subjects::Service;

/// The last token of the subject `cinema.qry.<service>.audit`.
pub const AUDIT: &str = "audit";

/// Asks for journal entries of one service, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAudit {
    /// Only about this thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<Uuid>,
    /// Only what this account did, such as `user:<id>`, `operator` or `machine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only events of this type, such as `booking-placed.v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Only from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Only before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
    /// Only below this position: the last one of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<u64>,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
}

/// One journal entry: what happened, and who made it happen.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct AuditEntry {
    /// In whose journal.
    pub service: Service,
    /// Its place there.
    #[schema(example = 12)]
    pub position: u64,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// Who: an account with its roles.
    #[schema(example = "user:019ab2f4-1c00-7112-9b6c-09672cb7063f:customer")]
    pub actor: String,
    /// The command that it followed from.
    pub command_id: CommandId,
    /// The thing that it happened to.
    pub entity_id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "booking-placed.v1")]
    pub event_type: String,
    /// The event's data.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// Journal entries, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// At most as many as were asked for; fewer only when there are no more.
    pub entries: Vec<AuditEntry>,
}
