//! What the clients of a chaos run did and were told, and what was found when it had all settled: what the
//! [checker](super::check) decides by. Written as lines of JSON, so that a run can be looked at, and judged again.

use std::collections::BTreeMap;

use contracts::Service;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// A whole run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// What clients asked and were told, in the order in which they were told.
    pub calls: Vec<Call>,
    /// What harm was done meanwhile, in order.
    pub harms: Vec<Harm>,
    /// What was found in the end.
    pub ending: Ending,
}

/// One request of one client. A client makes one at a time, so what it was told before a call began, it knew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Which client.
    pub client: u32,
    /// When it was sent, and when the client stopped waiting: milliseconds since the run began.
    pub began: u64,
    /// See `began`.
    pub ended: u64,
    /// By which door.
    pub door: Door,
    /// `<service>.<command>` for a command, as on its NATS subject; `GET <path>` for a read.
    pub name: String,
    /// A command's id; none for a read. Sending it again under the same id is another call with that id.
    pub command_id: Option<Uuid>,
    /// What it creates, changes or reads, where it is one thing.
    pub entity: Option<Uuid>,
    /// What was sent: the body at REST, the payload on NATS; null where there is none.
    pub input: Value,
    /// What the client was told.
    pub told: Told,
}

/// By which door a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// REST.
    Rest,
    /// A NATS request that waits for the outcome.
    Ask,
    /// A NATS message that only the broker acknowledges.
    Publish,
}

/// What a client was told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Told {
    /// It was done (200, 201, 204, 304), or this is what there is.
    Done {
        /// The status code; 200 on NATS.
        status: u16,
        /// What came back; null where nothing does.
        body: Value,
        /// The version that the entity tag names.
        version: Option<u64>,
        /// The journal's position that the answer names.
        position: Option<u64>,
    },
    /// It is on the broker's disk and not decided yet: 202, or the broker's acknowledgement.
    Taken,
    /// It was refused: any 4xx.
    Refused {
        /// The status code.
        status: u16,
        /// The last part of the problem's type, such as `seat-taken`.
        problem: String,
    },
    /// Nobody can tell: 5xx, no answer, a connection that broke.
    Unknown {
        /// What happened.
        why: String,
    },
}

/// Harm that was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Harm {
    /// When it began, milliseconds since the run began.
    pub began: u64,
    /// When it was over: the process runs again, the line is whole, the disk has room.
    pub ended: u64,
    /// What kind, such as `kill` or `wipe-broker`.
    pub kind: String,
    /// To whom or between whom, such as `bookings-2` or `gateway - nats-server`.
    pub to: String,
}

impl Harm {
    /// The kind of harm that loses what waits on the broker's disk: all of it.
    pub const WIPE_BROKER: &str = "wipe-broker";
    /// The kind of harm that loses the last that was written to the broker's disk.
    pub const TRUNCATE_BROKER: &str = "truncate-broker";
}

/// What was found when all had settled.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ending {
    /// How long it took until nothing lagged after the last harm was over, in milliseconds; none when it never settled.
    pub settled_ms: Option<u64>,
    /// What is in each service's store and stream.
    pub services: BTreeMap<Service, Kept>,
    /// All that REST shows an admin, by path: pages of a list are put together into one array, anything else is the
    /// body. `/api/users`, `/api/movies`, `/api/halls`, `/api/showtimes`, `/api/bookings`, each
    /// `/api/showtimes/{id}/seats` and each `/api/users/{id}/bookings`.
    pub reads: BTreeMap<String, Value>,
    /// The exit code of `marquee verify`, and what it said.
    pub verify: (Option<i32>, String),
}

/// What a service has in the end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    /// The journal, by position.
    pub journal: Vec<Row>,
    /// The event stream, by sequence.
    pub stream: Vec<Message>,
    /// Stored outcomes by the command's id: whether it was accepted.
    pub outcomes: BTreeMap<Uuid, bool>,
    /// Commands that became dead letters.
    pub dead_letters: Vec<Uuid>,
}

/// A row of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its position.
    pub position: u64,
    /// The stream of one aggregate.
    pub stream_id: Uuid,
    /// The version that it makes of it.
    pub version: u64,
    /// What it is about: the stream's id, or such as a booking of a showtime's seating.
    pub entity_id: Uuid,
    /// The event's type.
    pub event_type: String,
    /// The event.
    pub data: Value,
    /// The command that made it happen.
    pub command_id: Uuid,
}

/// An event in a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Its sequence.
    pub sequence: u64,
    /// Its type, the header `ce-type`.
    pub event_type: String,
    /// The event.
    pub data: Value,
}
