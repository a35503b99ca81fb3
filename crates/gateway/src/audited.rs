//! Journal entries as REST shows them: who it was comes in parts.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contracts::audit::AuditEntry;
use contracts::ids::CommandId;
use contracts::{Actor, Role, Service};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that happened, and who made it happen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditedEvent {
    /// In whose journal it stands.
    service: Service,
    /// Its place there.
    #[schema(example = 12)]
    position: u64,
    /// When.
    recorded_at: DateTime<Utc>,
    /// Who did it.
    actor: AuditedActor,
    /// The command that it followed from, for staff and whoever gave it; `/api/operations/{id}` has its outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<CommandId>,
    /// The thing that it happened to.
    entity_id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "booking-placed.v1")]
    event_type: String,
    /// The event's data, without anything personal.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

/// Of which kind somebody is who did something.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActorKind {
    /// Somebody who had not signed in.
    Anonymous,
    /// Somebody with an account.
    User,
    /// A program with an API key.
    Key,
    /// Whoever owns the machine.
    Machine,
    /// Whoever operates Marquee on NATS.
    Operator,
    /// It followed from another event.
    Reaction,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditedActor {
    /// Of which kind.
    kind: ActorKind,
    /// The user's or the API key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    /// The reaction's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "erased-users")]
    name: Option<String>,
    /// What they might do then; operators and reactions may do everything.
    roles: BTreeSet<Role>,
    /// All of it but the roles, as a filter takes it.
    #[schema(example = "user:019ab2f4-1c00-7112-9b6c-09672cb7063f")]
    account: String,
}

impl AuditedEvent {
    /// As this caller may see it: the command's id opens its outcome, which may be about other people as well.
    pub(crate) fn seen_by(mut self, caller: &Actor) -> Self {
        self.command_id = self.command_id.filter(|_| caller.is_staff() || self.actor.account == caller.account());
        self
    }
}

impl From<AuditEntry> for AuditedEvent {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { service, position, recorded_at, actor, command_id, entity_id, event_type, data } = entry;
        let (actor, command_id) = (actor.into(), Some(command_id));
        Self { service, position, recorded_at, actor, command_id, entity_id, event_type, data }
    }
}

impl From<Actor> for AuditedActor {
    fn from(actor: Actor) -> Self {
        let account = actor.account();
        let (kind, id, name, roles) = match actor {
            Actor::Anonymous => (ActorKind::Anonymous, None, None, None),
            Actor::User(id, roles) => (ActorKind::User, Some(id.0), None, Some(roles)),
            Actor::Key(id, roles) => (ActorKind::Key, Some(id.0), None, Some(roles)),
            Actor::Machine(roles) => (ActorKind::Machine, None, None, Some(roles)),
            Actor::Operator => (ActorKind::Operator, None, None, None),
            Actor::Reaction(name) => (ActorKind::Reaction, None, Some(name.into_owned()), None),
        };
        Self { kind, id, name, roles: roles.map(Into::into).unwrap_or_default(), account }
    }
}
