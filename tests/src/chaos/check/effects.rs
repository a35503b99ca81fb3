//! What a command must leave in the journal.

use contracts::ids::derive_id;
use serde_json::Value;
use uuid::Uuid;

use super::super::history::Row;
use super::commands::Given;
use super::same::{is_nothing, same};

/// What a command leaves: one event that it is about, and others that may come with it.
struct Effect {
    events: &'static [&'static str],
    beside: &'static str,
    /// What it creates, as it is called in ids that are derived; empty for what changes something.
    creates: &'static str,
}

/// What each command leaves; none for a name that the checker doesn't know.
fn effect(name: &str) -> Option<Effect> {
    let (events, beside, creates): (&'static [_], _, _) = match name {
        "users.register" => (&["user-registered.v1"], "", "user"),
        "users.update" => (&["user-updated.v1"], "", ""),
        "users.delete" => (&["user-deleted.v1"], "session-closed.v1", ""),
        "users.change-password" => (&["user-password-changed.v1"], "session-closed.v1", ""),
        "users.set-roles" => (&["user-roles-changed.v1"], "session-closed.v1", ""),
        "users.open-session" => (&["session-opened.v1"], "session-closed.v1", "session"),
        "users.refresh-session" => (&["session-refreshed.v1", "session-closed.v1"], "", ""),
        "users.close-session" => (&["session-closed.v1"], "", ""),
        "users.add-api-key" => (&["api-key-added.v1"], "", "api-key"),
        "users.revoke-api-key" => (&["api-key-revoked.v1"], "", ""),
        "movies.add" => (&["movie-added.v1"], "", "movie"),
        "movies.update" => (&["movie-updated.v1"], "", ""),
        "movies.remove" => (&["movie-removed.v1"], "", ""),
        "movies.add-hall" => (&["hall-added.v1"], "", "hall"),
        "movies.update-hall" => (&["hall-updated.v1"], "", ""),
        "movies.remove-hall" => (&["hall-removed.v1"], "", ""),
        "movies.schedule" => (&["showtime-scheduled.v1"], "", "showtime"),
        "movies.reschedule" => (&["showtime-rescheduled.v1"], "", ""),
        "movies.cancel" => (&["showtime-cancelled.v1"], "", ""),
        "bookings.place" => (&["booking-placed.v1"], "", "booking"),
        "bookings.change-seats" => (&["booking-seats-changed.v1"], "", ""),
        "bookings.cancel" => (&["booking-cancelled.v1"], "", ""),
        "bookings.check-in" => (&["booking-checked-in.v1"], "", ""),
        _ => return None,
    };
    Some(Effect { events, beside, creates })
}

/// True for a command that cancels whatever stands of something, which may be nothing.
pub(super) fn is_clearing(name: &str) -> bool {
    matches!(name, "bookings.cancel-showtime" | "bookings.cancel-user")
}

/// The event that a command is about.
pub(super) fn main_row<'a>(given: &Given<'a>) -> Option<&'a Row> {
    let effect = effect(given.name)?;
    given
        .rows
        .iter()
        .copied()
        .find(|row| effect.events.contains(&row.event_type.as_str()) && is_about(given, &effect, row))
}

/// True for a refresh token that came a second time: the caller is refused, and the session ends.
pub(super) fn is_reuse(given: &Given<'_>) -> bool {
    given.name == "users.refresh-session" && given.rows.iter().all(|row| row.data["reason"] == "token-reused")
}

/// Where an accepted command left something else than it must, in words.
pub(super) fn check(given: &Given<'_>) -> Vec<String> {
    if is_clearing(given.name) {
        let others = given.rows.iter().filter(|row| row.event_type != "booking-cancelled.v1");
        return others.map(|row| format!("it left a {}", row.event_type)).collect();
    }
    let Some(effect) = effect(given.name) else { return vec!["the checker doesn't know this command".into()] };
    let Some(main) = main_row(given) else {
        return vec![format!("there is no {} of what it is about", effect.events[0])];
    };
    let others = given.rows.iter().filter(|row| row.position != main.position && row.event_type != effect.beside);
    let mut wrong: Vec<String> = others.map(|row| format!("it left a {} as well", row.event_type)).collect();
    wrong.extend(asked_and_done(given.input(), main));
    wrong
}

/// The ids that a command's thing may have.
fn is_about(given: &Given<'_>, effect: &Effect, row: &Row) -> bool {
    let said = given.calls.iter().filter_map(|call| call.entity).next();
    let named = || given.input()["id"].as_str().and_then(|id| id.parse::<Uuid>().ok());
    match said.or_else(named) {
        Some(id) => row.entity_id == id,
        None if effect.creates.is_empty() => true,
        None => row.entity_id == derive_id(given.ids[0], effect.creates),
    }
}

/// Where an event says something else than was asked for.
fn asked_and_done(input: &Value, row: &Row) -> Vec<String> {
    let (data, details) = (&row.data, &row.data["details"]);
    let mut wrong = Vec::new();
    let mut compare = |name: &str, asked: &Value, done: &Value| {
        let agree = same(&plain(asked), &plain(done)) || (is_nothing(asked) && is_nothing(done));
        if !agree {
            wrong.push(format!("{name}: asked for {asked}, done {done}"));
        }
    };
    for (name, asked) in input.as_object().into_iter().flatten() {
        let done = data.get(name).or_else(|| details.get(name));
        match done {
            // Which generation was given up and which is good now are two things.
            Some(done) if name != "id" && name != "generation" => compare(name, asked, done),
            None if details.is_object() && name != "id" => compare(name, asked, &Value::Null),
            _ => {}
        }
    }
    for (name, done) in details.as_object().into_iter().flatten() {
        if input.get(name).is_none() {
            compare(name, &Value::Null, done);
        }
    }
    wrong
}

/// Seats by their names and roles in their order, however they are told.
fn plain(value: &Value) -> Value {
    let Value::Array(items) = value else { return value.clone() };
    let name = |item: &Value| item.get("seat").unwrap_or(item).clone();
    let mut items: Vec<Value> = items.iter().map(name).collect();
    if items.iter().all(Value::is_string) {
        items.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
    items.into()
}
