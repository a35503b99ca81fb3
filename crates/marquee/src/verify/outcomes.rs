//! Outcomes and events agree: each event's command was accepted, at the position of its last event; and who was told
//! that something happened finds it in the journal.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contracts::Service;
use contracts::ids::CommandId;
use runtime::database::{Connection, StoreError};
use runtime::inspection::{self, Entry, Eventless};
use serde_json::Value;
use uuid::Uuid;

use super::finding::Findings;

const RESTORE: &str = "a command's events and its outcome are written together: restore this service's database from a \
                       backup";

/// An event, and what became of its command.
struct Last {
    position: u64,
    recorded_at: DateTime<Utc>,
    command_id: CommandId,
    outcome: Option<(bool, u64)>,
}

/// Walks through one journal. A command's events follow one another.
pub(super) struct Outcomes {
    service: Service,
    /// What was decided before may have no outcome any more.
    since: DateTime<Utc>,
    /// The last event so far.
    last: Option<Last>,
    pub(super) findings: Findings,
}

impl Outcomes {
    pub(super) fn new(service: Service, since: DateTime<Utc>) -> Self {
        Self { service, since, last: None, findings: Findings::of("outcomes") }
    }

    /// The next row.
    pub(super) fn take(&mut self, entry: &Entry) {
        let command_id = CommandId(entry.row.command_id.0);
        let (position, recorded_at) = (entry.row.position, entry.row.recorded_at.and_utc());
        if let Some(last) = self.last.replace(Last { position, recorded_at, command_id, outcome: entry.outcome })
            && last.command_id != command_id
        {
            self.command(last);
        }
    }

    /// After the last row.
    pub(super) fn end(&mut self) {
        if let Some(last) = self.last.take() {
            self.command(last);
        }
    }

    /// The last event of a command.
    fn command(&mut self, Last { position, recorded_at, command_id, outcome }: Last) {
        let what = match outcome {
            Some((true, at)) if at == position => return,
            // Those of one batch were decided at the same time, and some of them may be gone already.
            None if recorded_at <= self.since => return,
            None => format!("an event of command {command_id}, which has no outcome"),
            Some((false, _)) => format!("an event of command {command_id}, which was refused"),
            Some((true, at)) => format!("the last event of command {command_id}, whose outcome says position {at}"),
        };
        self.findings.add(format!("{}, position {position}", self.service), what, RESTORE);
    }

    /// Looks at accepted commands without events. Some have none because there was nothing to do; but what they answered
    /// with is in the journal.
    ///
    /// # Errors
    /// When the store is away.
    pub(super) async fn eventless(&mut self, store: &mut Connection, head: u64) -> Result<(), StoreError> {
        let mut after = CommandId(Uuid::nil());
        loop {
            let page = inspection::eventless(store, after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.command_id;
            let answers: BTreeMap<CommandId, Vec<Uuid>> =
                page.iter().map(|outcome| (outcome.command_id, about(outcome))).collect();
            let all: Vec<Uuid> = answers.values().flatten().copied().collect();
            let known = inspection::known(store, &all).await?;
            for Eventless { command_id, position, .. } in page {
                let place = format!("{}, outcome of command {command_id}", self.service);
                if position > head {
                    self.findings.add(
                        &place,
                        format!("says position {position}, and the journal ends at {head}"),
                        RESTORE,
                    );
                }
                for id in answers.get(&command_id).into_iter().flatten().filter(|id| !known.contains(id)) {
                    let what = format!("accepted with an answer about {id}, of which the journal has no event");
                    self.findings.add(&place, what, RESTORE);
                }
            }
        }
    }
}

/// What an answer is about: its id, or the bookings that it names.
fn about(outcome: &Eventless) -> Vec<Uuid> {
    let answer: Value = serde_json::from_str(&outcome.body).unwrap_or_default();
    let bookings = answer.get("bookings").and_then(Value::as_array).into_iter().flatten();
    let named = answer.get("id").into_iter().chain(bookings);
    named.filter_map(|id| id.as_str()?.parse().ok()).collect()
}
