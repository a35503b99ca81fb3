//! Journals without gaps, streams that are the journals, outcomes that agree with both.

use std::collections::HashMap;

use contracts::Service;

use super::super::history::{History, Kept, Row};
use super::commands::{Commands, known_ids};
use super::same::same;
use super::{Finding, Invariant};

pub(super) fn check(history: &History, commands: &Commands<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in Service::ALL {
        match history.ending.services.get(&service) {
            Some(kept) => {
                gapless(service, kept, &mut findings);
                published(service, kept, &mut findings);
                decided(service, kept, commands, &mut findings);
            }
            None => findings.push(Finding::new(Invariant::Journal, service, "nobody looked at what it keeps")),
        }
    }
    findings
}

fn gapless(service: Service, kept: &Kept, findings: &mut Vec<Finding>) {
    let mut versions = HashMap::new();
    let mut position = 0;
    for row in &kept.journal {
        let mut find = |about: String, what: String| {
            findings.push(Finding::new(Invariant::Journal, about, what).with_rows(service, [row]));
        };
        if row.position != position + 1 {
            let what = format!("it comes after position {position}");
            find(format!("{service}, position {}", row.position), what);
        }
        position = row.position;
        let version = versions.insert(row.stream_id, row.version).unwrap_or_default();
        if row.version != version + 1 {
            let what = format!("version {} comes after version {version}", row.version);
            find(format!("{service}, stream of {}", row.stream_id), what);
        }
    }
}

fn published(service: Service, kept: &Kept, findings: &mut Vec<Finding>) {
    let (mut rows, mut messages) = (kept.journal.iter().peekable(), kept.stream.iter().peekable());
    loop {
        // Both are in order, so the lower number is the one that the other lacks.
        let (row, message) = match (rows.peek(), messages.peek()) {
            (None, None) => return,
            (Some(row), Some(message)) if row.position == message.sequence => (rows.next(), messages.next()),
            (Some(row), Some(message)) if row.position > message.sequence => (None, messages.next()),
            (None, Some(_)) => (None, messages.next()),
            (Some(_), _) => (rows.next(), None),
        };
        let number = row.map(|row| row.position).or(message.map(|message| message.sequence)).unwrap_or_default();
        let what = match (row, message) {
            (Some(row), Some(message)) if row.event_type == message.event_type && same(&row.data, &message.data) => {
                continue;
            }
            (Some(_), Some(message)) => format!("the stream has {} {}", message.event_type, message.data),
            (Some(_), None) => "the stream doesn't have it".to_owned(),
            (None, _) => "the stream has it, the journal doesn't".to_owned(),
        };
        let finding = Finding::new(Invariant::Stream, format!("{service}, position {number}"), what);
        findings.push(finding.with_rows(service, row));
    }
}

fn decided(service: Service, kept: &Kept, commands: &Commands<'_>, findings: &mut Vec<Finding>) {
    let mut rows: HashMap<_, Vec<&Row>> = HashMap::new();
    kept.journal.iter().for_each(|row| rows.entry(row.command_id).or_default().push(row));
    let mut find = |id, what: &str, rows: Vec<&Row>| {
        let about = format!("{service}, command {id}");
        let calls = commands.find(service, id).map(|given| given.calls.clone()).unwrap_or_default();
        findings.push(Finding::new(Invariant::Outcomes, about, what).with_calls(calls).with_rows(service, rows));
    };
    for (id, rows) in &rows {
        match kept.outcomes.get(id) {
            Some(true) => {}
            Some(false) => find(*id, "it was refused, and has events", rows.clone()),
            None => find(*id, "it has events and no outcome", rows.clone()),
        }
    }
    let given = known_ids(commands, service);
    for (id, accepted) in &kept.outcomes {
        // A reaction may find nothing to cancel; its commands are nobody's in this history.
        let may_be_idle = service == Service::Bookings
            && commands.find(service, *id).is_none_or(|given| given.name.starts_with("bookings.cancel-"));
        if *accepted && !rows.contains_key(id) && !may_be_idle {
            find(*id, "it was accepted, and has no event", Vec::new());
        }
        let unasked = |row: &&Row| service != Service::Bookings || !is_reaction(row);
        if let Some(rows) = rows.get(id).filter(|rows| !given.contains(id) && rows.iter().any(unasked)) {
            find(*id, "nobody gave it", rows.clone());
        }
    }
}

/// True for what follows by itself from what happened in another service.
fn is_reaction(row: &Row) -> bool {
    row.event_type == "booking-cancelled.v1" && row.data["reason"] != "requested"
}
