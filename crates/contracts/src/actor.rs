//! Who gives a command or asks a question.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{ApiKeyId, UserId};

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Their own profile and their own bookings.
    Customer,
    /// Movies, halls, showtimes, and anybody's bookings.
    Staff,
    /// Users, roles and API keys, and all that staff may.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Customer, Role::Staff, Role::Admin];

    /// The name in tokens, headers and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Staff => "staff",
            Role::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("there is no role {text:?}; there are customer, staff and admin"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One or more roles, as text with commas: `customer,staff`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeSet<Role>", into = "BTreeSet<Role>")]
#[schemars(inline, with = "BTreeSet<Role>", extend("minItems" = 1))]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// Just this one.
    pub fn only(role: Role) -> Self {
        Self(BTreeSet::from([role]))
    }

    /// True when this role is among them, or one that may all that this one may.
    pub fn may(&self, role: Role) -> bool {
        match role {
            Role::Staff => self.0.contains(&Role::Staff) || self.0.contains(&Role::Admin),
            Role::Customer | Role::Admin => self.0.contains(&role),
        }
    }
}

impl TryFrom<BTreeSet<Role>> for Roles {
    type Error = String;
    fn try_from(roles: BTreeSet<Role>) -> Result<Self, String> {
        if roles.is_empty() { Err("must be at least one role".into()) } else { Ok(Self(roles)) }
    }
}

impl From<Roles> for BTreeSet<Role> {
    fn from(roles: Roles) -> Self {
        roles.0
    }
}

impl FromStr for Roles {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(Role::from_str).collect::<Result<BTreeSet<_>, _>>()?.try_into()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|role| role.name()).collect();
        f.write_str(&names.join(","))
    }
}

/// Who gives a command or asks a question. Who it is has been established by whoever lets them in: the gateway from a
/// token, a service from the subject that only some NATS users may publish on. As text, in headers and in the journal:
/// `anonymous`, `user:<id>:<roles>`, `key:<id>:<roles>`, `machine:<roles>`, `operator`, `reaction:<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Nobody has signed in.
    Anonymous,
    /// Somebody with an account.
    User(UserId, Roles),
    /// A program with an API key.
    Key(ApiKeyId, Roles),
    /// Whoever owns the machine that the tokens' keys are on (`marquee token`).
    Machine(Roles),
    /// Whoever has the operator's NATS account.
    Operator,
    /// What follows from an event, named after the reaction.
    Reaction(Cow<'static, str>),
}

impl Actor {
    /// True when they may do what this role is for. Operators and reactions may do everything.
    pub fn may(&self, role: Role) -> bool {
        match self {
            Self::Anonymous => false,
            Self::User(_, roles) | Self::Key(_, roles) | Self::Machine(roles) => roles.may(role),
            Self::Operator | Self::Reaction(_) => true,
        }
    }

    /// True for staff, and for whoever may all that staff may.
    pub fn is_staff(&self) -> bool {
        self.may(Role::Staff)
    }

    /// True for admins, and for whoever may all that admins may.
    pub fn is_admin(&self) -> bool {
        self.may(Role::Admin)
    }

    /// True for the user of this id.
    pub fn is(&self, user: UserId) -> bool {
        self.user() == Some(user)
    }

    /// The user, if it is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User(id, _) => Some(*id),
            _ => None,
        }
    }

    /// Who it is, without what they may: the same for all that one account does, whatever its roles.
    pub fn account(&self) -> String {
        match self {
            Self::User(id, _) => format!("user:{id}"),
            Self::Key(id, _) => format!("key:{id}"),
            Self::Machine(_) => "machine".into(),
            Self::Anonymous | Self::Operator | Self::Reaction(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(id, roles) => write!(f, "user:{id}:{roles}"),
            Self::Key(id, roles) => write!(f, "key:{id}:{roles}"),
            Self::Machine(roles) => write!(f, "machine:{roles}"),
            Self::Operator => f.write_str("operator"),
            Self::Reaction(name) => write!(f, "reaction:{name}"),
        }
    }
}

impl FromStr for Actor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("anonymous"), None, None) => Ok(Self::Anonymous),
            (Some("operator"), None, None) => Ok(Self::Operator),
            (Some("machine"), Some(roles), None) => Ok(Self::Machine(roles.parse()?)),
            (Some("reaction"), Some(name), None) => Ok(Self::Reaction(name.to_owned().into())),
            (Some("user"), Some(id), Some(roles)) => {
                Ok(Self::User(id.parse().map_err(|error| format!("a user's id: {error}"))?, roles.parse()?))
            }
            (Some("key"), Some(id), Some(roles)) => {
                Ok(Self::Key(id.parse().map_err(|error| format!("a key's id: {error}"))?, roles.parse()?))
            }
            _ => Err("must be an actor such as user:<id>:customer".into()),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Actor {
    fn schema_name() -> Cow<'static, str> {
        "Actor".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "anonymous, user:<id>:<roles>, key:<id>:<roles>, machine:<roles>, operator or reaction:<name>",
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_actor_reads_what_it_writes() {
        let id = Uuid::now_v7();
        for text in [
            "anonymous".to_owned(),
            "operator".to_owned(),
            "machine:admin".to_owned(),
            "reaction:erased-users".to_owned(),
            format!("user:{id}:customer,staff"),
            format!("key:{id}:customer,staff,admin"),
        ] {
            let actor: Actor = text.parse().unwrap();
            assert_eq!(actor.to_string(), text);
            assert_eq!(serde_json::from_str::<Actor>(&serde_json::to_string(&actor).unwrap()).unwrap(), actor);
            assert!(text.len() <= 100, "the journal keeps 100 characters");
        }
        for bad in ["", "root", "user", "user:1:staff", "user::", "machine", "machine:root", "operator:x", "machine:"] {
            assert!(bad.parse::<Actor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn admins_may_what_staff_may_and_nobody_may_what_their_role_is_not_for() {
        let may = |text: &str| {
            let actor: Actor = text.parse().unwrap();
            (actor.is_staff(), actor.is_admin())
        };
        assert_eq!(may("anonymous"), (false, false));
        assert_eq!(may("machine:customer"), (false, false));
        assert_eq!(may("machine:staff"), (true, false));
        assert_eq!(may("machine:admin"), (true, true));
        assert_eq!(may("operator"), (true, true));
        assert_eq!(may("reaction:x"), (true, true));
    }

    #[test]
    fn an_account_is_the_same_whatever_its_roles() {
        let id = UserId(Uuid::now_v7());
        let [customer, admin] = [Role::Customer, Role::Admin].map(|role| Actor::User(id, Roles::only(role)));
        assert_eq!(customer.account(), admin.account());
        assert!(customer.is(id) && !Actor::Anonymous.is(id));
    }
}
