//! What follows in the bookings service from what happened in the others: which bookings must be gone, and which must never
//! have been made.

use std::collections::HashMap;

use contracts::Service;
use serde_json::Value;
use uuid::Uuid;

use super::super::history::Row;
use super::commands::{Commands, Given, Word};
use super::model::{Kind, Model, Thing, id};
use super::{Finding, Invariant, money};

pub(super) fn check(commands: &Commands<'_>, model: &Model<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (booking, thing) in model.all(Kind::Booking) {
        let rows = || thing.states.iter().map(|state| state.row);
        if let Some(what) = left_over(thing, model) {
            let finding = Finding::new(Invariant::Reactions, format!("booking {booking}"), what);
            findings.push(finding.with_rows(Service::Bookings, rows()));
        }
    }
    for (user, thing) in model.all(Kind::User).filter(|(_, user)| user.last().gone) {
        let open =
            model.all(Kind::Session).find(|(_, session)| !session.last().gone && is_of(user, &session.last().view));
        if let Some((session, _)) = open {
            let what = format!("session {session} is open, and the user is gone");
            let finding = Finding::new(Invariant::Reactions, format!("user {user}"), what);
            findings.push(finding.with_rows(Service::Users, [thing.last().row]));
        }
    }
    findings.extend(too_late(commands, model));
    findings
}

/// What is wrong with a booking in the end. A run's showtimes are all to come, so nobody sits anywhere yet.
fn left_over(booking: &Thing<'_>, model: &Model<'_>) -> Option<String> {
    let last = booking.last();
    let showtime = model.thing(Kind::Showtime, id(&last.view["showtime"]["id"]));
    let user = model.thing(Kind::User, id(&last.view["user_id"]));
    let cancelled = showtime.is_some_and(|showtime| showtime.last().view["status"] == "cancelled");
    let erased = user.is_some_and(|user| user.last().gone);
    match (last.view["status"].as_str(), last.row.data["reason"].as_str()) {
        (Some("cancelled"), Some("showtime-cancelled")) if !cancelled => Some("its showtime takes place".into()),
        (Some("cancelled"), Some("user-deleted")) if !erased => Some("its user is there".into()),
        (Some("cancelled"), _) => None,
        _ if cancelled => Some("it stands, and its showtime is cancelled".into()),
        _ if erased => Some("it stands, and its user is gone".into()),
        _ if showtime.is_none() => Some("there never was its showtime".into()),
        _ if user.is_none() => Some("there never was its user".into()),
        _ => None,
    }
}

fn is_of(user: Uuid, view: &Value) -> bool {
    id(&view["user_id"]) == user
}

/// What the other services had told somebody before a booking was even asked for, it was decided by.
fn too_late(commands: &Commands<'_>, model: &Model<'_>) -> Vec<Finding> {
    let known = acknowledged(commands);
    let mut findings = Vec::new();
    for given in commands.all.iter().filter(|given| given.service == Service::Bookings) {
        for row in given.rows.iter().filter(|row| row.data["seats"].is_array()) {
            let mut find = |other: &Given<'_>, what: &str| {
                let finding = Finding::new(Invariant::Reactions, given.about(), what);
                let calls = other.calls.iter().chain(&given.calls).copied();
                findings.push(finding.with_calls(calls).with_rows(Service::Bookings, [*row]));
            };
            let before = |thing: &Value| {
                let all = known.get(&id(thing)).into_iter().flatten();
                all.filter(|(told, _)| *told < given.began()).map(|(_, given)| *given)
            };
            for other in before(&row.data["showtime_id"]) {
                if other.name == "movies.cancel" {
                    find(other, "the showtime had been cancelled before it was asked for");
                } else if other.name == "movies.reschedule" && is_outdated(model, row, other) {
                    find(other, "the prices had been changed before it was asked for");
                }
            }
            for other in before(&row.data["user_id"]).filter(|other| other.name == "users.delete") {
                find(other, "the user had been erased before it was asked for");
            }
        }
    }
    findings
}

/// Which commands somebody was told of that they are done, and when, by what they are about.
fn acknowledged<'a, 'b>(commands: &'b Commands<'a>) -> HashMap<Uuid, Vec<(u64, &'b Given<'a>)>> {
    let mut known: HashMap<Uuid, Vec<(u64, &Given<'_>)>> = HashMap::new();
    for given in &commands.all {
        let told = given.that(Word::Done).map(|call| call.ended).min();
        if let (Some(told), Some(row)) = (told, given.rows.first()) {
            known.entry(row.entity_id).or_default().push((told, given));
        }
    }
    known
}

/// Whether the prices of an event's seats are older than those that a rescheduling made.
fn is_outdated(model: &Model<'_>, row: &Row, rescheduled: &Given<'_>) -> bool {
    let Some(showtime) = model.thing(Kind::Showtime, id(&row.data["showtime_id"])) else { return false };
    let made = rescheduled.rows.first().map_or(0, |row| showtime.version_at(row.position));
    money::versions(model, row).last().is_some_and(|version| *version < made)
}
