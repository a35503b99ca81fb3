//! Durable names: subjects, streams, consumers, headers. Changing one is a migration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The services that own data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Who can book.
    Users,
    /// Movies, halls and showtimes.
    Movies,
    /// Bookings and seat maps.
    Bookings,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 3] = [Service::Users, Service::Movies, Service::Bookings];

    /// The name in subjects, tables and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Users => "users",
            Service::Movies => "movies",
            Service::Bookings => "bookings",
        }
    }

    /// The JetStream stream of the service's commands: work-queue retention, one durable consumer.
    pub const fn commands_stream(self) -> &'static str {
        match self {
            Service::Users => "USERS_COMMANDS",
            Service::Movies => "MOVIES_COMMANDS",
            Service::Bookings => "BOOKINGS_COMMANDS",
        }
    }

    /// The JetStream stream of the service's events; its sequence is the journal's position.
    pub const fn events_stream(self) -> &'static str {
        match self {
            Service::Users => "USERS_EVENTS",
            Service::Movies => "MOVIES_EVENTS",
            Service::Bookings => "BOOKINGS_EVENTS",
        }
    }

    /// Every durable command: `cinema.cmd.<service>.*`.
    pub fn all_commands(self) -> String {
        format!("cinema.cmd.{}.*", self.name())
    }

    /// One durable command: `cinema.cmd.<service>.<command>`.
    pub fn command(self, command: &str) -> String {
        format!("cinema.cmd.{}.{command}", self.name())
    }

    /// The answered form of a command, for `nats request`: `cinema.ask.<service>.<command>`.
    pub fn ask(self, command: &str) -> String {
        format!("cinema.ask.{}.{command}", self.name())
    }

    /// Every event: `cinema.evt.<service>.>`.
    pub fn all_events(self) -> String {
        format!("cinema.evt.{}.>", self.name())
    }

    /// One event of the thing with this id: `cinema.evt.<service>.<id>.<event>`.
    pub fn event(self, id: Uuid, event: &str) -> String {
        format!("cinema.evt.{}.{id}.{event}", self.name())
    }

    /// The newest events, many in one message: `cinema.live.<service>`.
    pub fn live(self) -> String {
        format!("cinema.live.{}", self.name())
    }

    /// A query: `cinema.qry.<service>.<query>`.
    pub fn query(self, query: &str) -> String {
        format!("cinema.qry.{}.{query}", self.name())
    }

    /// A method for other services: `cinema.rpc.<service>.<method>`.
    pub fn rpc(self, method: &str) -> String {
        format!("cinema.rpc.{}.{method}", self.name())
    }

    /// The id of a message's JSON Schema: `urn:marquee:schema:<service>:<kind>:<name>`. Events name theirs in
    /// `ce-dataschema`.
    pub fn schema(self, kind: &str, name: &str) -> String {
        format!("urn:marquee:schema:{}:{kind}:{name}", self.name())
    }

    /// Dead letters: `cinema.dlq.<service>`.
    pub fn dead_letters(self) -> String {
        format!("cinema.dlq.{}", self.name())
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Service {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|service| service.name() == name);
        known.ok_or_else(|| "must be users, movies or bookings".to_owned())
    }
}

/// The last token of the subject on which several commands travel as one message, a CloudEvents JSON batch.
pub const BATCH: &str = "batch";

/// The name of every service's one durable pull consumer of its commands.
pub const COMMANDS_CONSUMER: &str = "decider";

/// The stream of all services' dead letters.
pub const DEAD_LETTERS_STREAM: &str = "DEAD_LETTERS";

/// What dead letters are published on.
pub const ALL_DEAD_LETTERS: &str = "cinema.dlq.*";

/// Message headers.
pub mod headers {
    /// The command's id (a UUID), or the batch's.
    pub const MESSAGE_ID: &str = "Nats-Msg-Id";
    /// Who gave the command that became a dead letter. Refused in a command: who gives it follows from who may publish on
    /// its subject.
    pub const ACTOR: &str = "Marquee-Actor";
    /// The inbox on which the outcome is awaited.
    pub const REPLY_TO: &str = "Marquee-Reply-To";
    /// RFC 3339 time after which the command must not take effect any more.
    pub const EXPIRES: &str = "Marquee-Expires";
    /// The version that the caller saw; another one refuses the command.
    pub const IF_VERSION: &str = "Marquee-If-Version";
    /// The least position of each service's journal that an answer may come from: `bookings=12,movies=7`.
    pub const MIN_POSITION: &str = "Marquee-Min-Position";
    /// The position of a service's journal at which a write took effect, or of the last of several events: `bookings=12`.
    pub const POSITION: &str = "Marquee-Position";
    /// The id of the command that became a dead letter.
    pub const COMMAND_ID: &str = "Marquee-Command-Id";
    /// Why a message became a dead letter, in words.
    pub const REASON: &str = "Marquee-Reason";
    /// The subject that a dead letter was published on at first.
    pub const SUBJECT: &str = "Marquee-Subject";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
}
