//! What clients were told of their commands, held against what there is of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::history::{Call, Door, Harm, History, Row, Told};
use super::commands::{Commands, Given, Word};
use super::effects;
use super::model::{Model, id};
use super::same::unlike;
use super::{Finding, Invariant};

pub(super) fn check(history: &History, commands: &Commands<'_>, model: &Model<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for given in &commands.all {
        let mut find = |invariant, what: String| {
            let finding = Finding::new(invariant, given.about(), what).with_calls(given.calls.iter().copied());
            findings.push(finding.with_rows(given.service, given.rows.iter().copied()));
        };
        for what in twice(given) {
            find(Invariant::Once, what);
        }
        if given.accepted > 0 {
            for what in effects::check(given) {
                find(Invariant::Acknowledged, what);
            }
        }
        if given.was(Word::Done) {
            if let Some(what) = undone(given) {
                find(Invariant::Acknowledged, what);
            }
            for what in given.that(Word::Done).flat_map(|call| told(given, call, model)) {
                find(Invariant::Acknowledged, what);
            }
        }
        let took_effect = given.accepted > 0 || !given.rows.is_empty();
        if given.was(Word::Refused) && took_effect && !effects::is_reuse(given) {
            find(Invariant::Refused, "it was refused, and took effect".into());
        }
        for what in contradictions(given) {
            find(Invariant::Tellings, what);
        }
        if given.was(Word::Taken) && !given.decided && !may_be_lost(history, given) {
            find(Invariant::Taken, "it was taken and never decided".into());
        }
    }
    findings
}

/// Effects under two ids, and effects with something of somebody else's in between.
fn twice(given: &Given<'_>) -> Vec<String> {
    let ids: BTreeSet<_> = given.rows.iter().map(|row| row.command_id).collect();
    let mut wrong = Vec::new();
    if given.accepted > 1 || ids.len() > 1 {
        wrong.push(format!("it was accepted {} times, and has events under {} ids", given.accepted, ids.len()));
    }
    if given.rows.windows(2).any(|rows| rows[0].position + 1 != rows[1].position) {
        wrong.push("its events don't follow each other".into());
    }
    wrong
}

fn undone(given: &Given<'_>) -> Option<String> {
    let nothing = given.rows.is_empty() && !effects::is_clearing(given.name);
    match (nothing, given.accepted, given.decided) {
        (true, ..) => Some("it is done, and there is no event of it".into()),
        (false, 0, false) => Some("it is done, and its outcome is not stored".into()),
        (false, 0, true) => Some("it is done, and its outcome is that it was refused".into()),
        _ => None,
    }
}

/// What a client was told that the journal tells otherwise.
fn told(given: &Given<'_>, call: &Call, model: &Model<'_>) -> Vec<String> {
    let Told::Done { body, version, position, .. } = &call.told else { return Vec::new() };
    let mut wrong = Vec::new();
    let last = given.rows.iter().map(|row| row.position).max();
    if let (Some(told), Some(last)) = (position, last)
        && *told != last
    {
        wrong.push(format!("its position is {last}, not {told} as was told"));
    }
    if effects::is_clearing(given.name) {
        wrong.extend(cleared(given, body));
    }
    let Some(row) = effects::main_row(given) else { return wrong };
    if let (Some(told), Some(shown)) = (version, body["version"].as_u64())
        && *told != shown
    {
        wrong.push(format!("the entity tag names version {told}, the body {shown}"));
    }
    if body.is_object() {
        wrong.extend(shown(given, call, row, body, model));
    }
    wrong
}

fn cleared(given: &Given<'_>, body: &Value) -> Option<String> {
    let told: BTreeSet<_> = body["bookings"].as_array().into_iter().flatten().map(id).collect();
    let done: BTreeSet<_> = given.rows.iter().map(|row| row.entity_id).collect();
    (told != done).then(|| format!("it cancelled {done:?}, not {told:?} as was told"))
}

fn shown(given: &Given<'_>, call: &Call, row: &Row, body: &Value, model: &Model<'_>) -> Vec<String> {
    let Some(thing) = model.things.get(&row.entity_id) else { return Vec::new() };
    let own = thing.version_at(row.position);
    // REST shows a changed user by asking for them: others may have changed them since.
    let asks = call.door == Door::Rest && matches!(given.name, "users.update" | "users.set-roles");
    let version = body["version"].as_u64().filter(|later| asks && *later > own).unwrap_or(own);
    let views = thing.views(version).map(|mut view| {
        if let Value::Object(fields) = &mut view {
            fields.retain(|name, _| name == "id" || body.get(name).is_some());
        }
        view
    });
    unlike(views, body).into_iter().map(|what| format!("as was told, {what} in the journal")).collect()
}

fn contradictions(given: &Given<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    if given.was(Word::Done) && given.was(Word::Refused) {
        wrong.push("it is said to be done and to be refused".to_owned());
    }
    let position = |call: &Call| match call.told {
        Told::Done { position, .. } => position,
        _ => None,
    };
    let positions: BTreeSet<u64> = given.that(Word::Done).filter_map(position).collect();
    if positions.len() > 1 {
        wrong.push(format!("it is said to be done at positions {positions:?}"));
    }
    wrong
}

/// Whether there is a reason why what was taken is not decided: it is a dead letter, or the disk that it was on was lost.
fn may_be_lost(history: &History, given: &Given<'_>) -> bool {
    let letters = history.ending.services.get(&given.service).map(|kept| kept.dead_letters.as_slice());
    let is_dead = letters.unwrap_or_default().iter().any(|letter| given.ids.contains(letter));
    let loses = |harm: &&Harm| matches!(harm.kind.as_str(), Harm::WIPE_BROKER | Harm::TRUNCATE_BROKER);
    let since = given.that(Word::Taken).map(|call| call.began).max().unwrap_or_default();
    is_dead || history.harms.iter().filter(loses).any(|harm| harm.ended >= since)
}
