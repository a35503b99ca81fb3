//! Whether a run's history keeps what Marquee promises.
//!
//! Written apart from the system's own logic: it knows what travels, and nothing of how a service decides or stores. It
//! adds the journals up by itself ([`model`]), and holds what clients were told ([`tellings`], [`effects`]), what they read
//! ([`reads`]) and what is there in the end ([`last`], [`journal`], [`between`]) against that.

mod between;
mod commands;
mod effects;
mod journal;
mod last;
mod model;
mod money;
mod paths;
mod reads;
mod same;
mod seat_map;
mod tellings;

use std::collections::BTreeMap;
use std::fmt;

use contracts::Service;
use serde::{Deserialize, Serialize};

use super::history::{Call, History, Row};
use commands::Commands;
use model::Model;

/// What the checker decided.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// What is not as it must be; nothing, when all is well.
    pub findings: Vec<Finding>,
    /// The commands by name, such as `bookings.place`.
    pub counts: BTreeMap<String, Count>,
}

impl Verdict {
    /// Whether all is as it must be.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["sent", "acknowledged", "refused", "taken", "unknown"].map(|word| format!("{word:>14}"));
        writeln!(f, "{:<28}{}", "commands", head.concat())?;
        for (name, count) in &self.counts {
            let Count { sent, acknowledged, refused, taken, unknown } = count;
            writeln!(f, "{name:<28}{sent:>14}{acknowledged:>14}{refused:>14}{taken:>14}{unknown:>14}")?;
        }
        for finding in &self.findings {
            write!(f, "{finding}")?;
        }
        write!(f, "{} findings", self.findings.len())
    }
}

/// How many commands there were. One that was sent several times under one id is one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// All of them.
    pub sent: usize,
    /// Those that somebody was told of that they are done.
    pub acknowledged: usize,
    /// Those that somebody was told of that they are refused.
    pub refused: usize,
    /// Those of which nobody heard more than that they were taken.
    pub taken: usize,
    /// Those of which nobody heard anything for sure.
    pub unknown: usize,
}

/// What a run must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invariant {
    /// What was acknowledged took effect, once, as it was told.
    Acknowledged,
    /// What was refused did not.
    Refused,
    /// What was only taken was decided, or has a reason not to be.
    Taken,
    /// Nothing took effect twice.
    Once,
    /// All that is told of one command agrees.
    Tellings,
    /// Positions have no gap, versions follow each other.
    Journal,
    /// The event stream is the journal.
    Stream,
    /// What is in the journal was accepted, and what was accepted is in the journal.
    Outcomes,
    /// No event that can't follow from those before it.
    Sequence,
    /// No seat has two owners.
    Seats,
    /// A booking costs what its seats cost.
    Money,
    /// Nobody reads less than they wrote.
    Reads,
    /// What is read in the end is what the journal adds up to.
    Projections,
    /// What follows in one service from what happened in another.
    Reactions,
    /// All has settled in time.
    Settled,
    /// `marquee verify` finds nothing.
    Verify,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// What it breaks.
    pub invariant: Invariant,
    /// What it is about, such as `bookings.place 0198…`.
    pub about: String,
    /// What is wrong.
    pub what: String,
    /// The calls that show it.
    pub calls: Vec<Call>,
    /// The rows of journals that show it.
    pub rows: Vec<(Service, Row)>,
}

impl Finding {
    fn new(invariant: Invariant, about: impl fmt::Display, what: impl Into<String>) -> Self {
        Self { invariant, about: about.to_string(), what: what.into(), calls: Vec::new(), rows: Vec::new() }
    }

    fn with_calls<'a>(mut self, calls: impl IntoIterator<Item = &'a Call>) -> Self {
        self.calls.extend(calls.into_iter().cloned());
        self
    }

    fn with_rows<'a>(mut self, service: Service, rows: impl IntoIterator<Item = &'a Row>) -> Self {
        self.rows.extend(rows.into_iter().map(|row| (service, row.clone())));
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}: {}: {}", self.invariant, self.about, self.what)?;
        for call in &self.calls {
            let Call { client, began, ended, door, name, told, .. } = call;
            writeln!(f, "    {began}–{ended} ms, client {client}, {door:?} {name} {}: {told:?}", call.input)?;
        }
        for (service, row) in &self.rows {
            let Row { position, version, event_type, data, command_id, .. } = row;
            writeln!(f, "    {service} {position}, version {version}, by {command_id}: {event_type} {data}")?;
        }
        Ok(())
    }
}

/// Judges a history.
pub fn check(history: &History) -> Verdict {
    let commands = Commands::of(history);
    let (model, mut findings) = Model::of(history, &commands);
    findings.extend(journal::check(history, &commands));
    findings.extend(tellings::check(history, &commands, &model));
    findings.extend(money::check(history, &model));
    findings.extend(reads::check(history, &model));
    findings.extend(last::check(history, &model));
    findings.extend(between::check(&commands, &model));
    findings.extend(settled(history));
    Verdict { findings, counts: commands.counts() }
}

/// How long a system may lag after the last harm, in milliseconds.
const PATIENCE: u64 = 10_000;

fn settled(history: &History) -> Vec<Finding> {
    let (settled, (code, said)) = (history.ending.settled_ms, &history.ending.verify);
    let late = match settled {
        Some(ms) if ms <= PATIENCE => None,
        Some(ms) => Some(format!("it took {ms} ms until nothing lagged, not {PATIENCE}")),
        None => Some("it never settled".to_owned()),
    };
    let late = late.map(|what| Finding::new(Invariant::Settled, "the end", what));
    let unclean = *code != Some(0);
    let unclean =
        unclean.then(|| Finding::new(Invariant::Verify, "marquee verify", format!("ended with {code:?}: {said}")));
    late.into_iter().chain(unclean).collect()
}
