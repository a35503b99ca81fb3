//! What the journals add up to, counted by the checker itself: every thing as it was after each of its events.

pub(super) mod bookings;
mod movies;
mod seating;
mod users;

use std::collections::{HashMap, HashSet};

use contracts::Service;
use serde_json::Value;
use uuid::Uuid;

pub(super) use seating::Seating;

use super::super::history::{History, Row};
use super::commands::Commands;
use super::{Finding, Invariant};

/// What a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Session,
    ApiKey,
    Movie,
    Hall,
    Showtime,
    Booking,
}

/// A thing as it was after one of its events.
pub(super) struct State<'a> {
    /// The event.
    pub(super) row: &'a Row,
    /// What REST shows of it, as far as the journal knows.
    pub(super) view: Value,
    /// Whether it is there no more.
    pub(super) gone: bool,
}

/// Everything of a thing, by version less one.
pub(super) struct Thing<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// Never empty.
    pub(super) states: Vec<State<'a>>,
}

impl<'a> Thing<'a> {
    /// As it is in the end.
    pub(super) fn last(&self) -> &State<'a> {
        &self.states[self.states.len() - 1]
    }

    /// The version it had at a position of its journal; 0 before it was there.
    pub(super) fn version_at(&self, position: u64) -> u64 {
        self.states.iter().take_while(|state| state.row.position <= position).count() as u64
    }

    /// What may be shown of a version: what it was, and of a user, what is personal of that or any later one. That is kept
    /// beside the journal, and there at once, while the version that is named with it comes from events.
    pub(super) fn views(&self, version: u64) -> impl Iterator<Item = Value> {
        let first = usize::try_from(version).unwrap_or(usize::MAX).saturating_sub(1);
        let later = if self.kind == Kind::User { usize::MAX } else { 1 };
        let of_version = self.at(version).map(|state| &state.view);
        self.states
            .iter()
            .skip(first)
            .take(later)
            .filter_map(move |state| Some(users::with_personal(of_version?, &state.view)))
    }

    /// As it was at a version.
    pub(super) fn at(&self, version: u64) -> Option<&State<'a>> {
        self.states.get(usize::try_from(version).ok()?.checked_sub(1)?)
    }
}

/// All that there is and was.
#[derive(Default)]
pub(super) struct Model<'a> {
    /// By id.
    pub(super) things: HashMap<Uuid, Thing<'a>>,
    /// Who sits where, by showtime.
    pub(super) seatings: HashMap<Uuid, Seating>,
    /// Which events are not possible after those before them, or give a seat to two.
    findings: Vec<Finding>,
}

impl<'a> Model<'a> {
    /// Adds up a history's journals, and says what can't be.
    pub(super) fn of(history: &'a History, commands: &Commands<'a>) -> (Self, Vec<Finding>) {
        let mut model = Self::default();
        for service in Service::ALL {
            let rows = history.ending.services.get(&service).map(|kept| kept.journal.as_slice()).unwrap_or_default();
            let mut done = HashSet::new();
            for row in rows {
                // What is there twice is the journal's fault, not a second event.
                if !done.insert(row.position) {
                    continue;
                }
                let applied = match service {
                    Service::Users => users::apply(&mut model, commands, row),
                    Service::Movies => movies::apply(&mut model, row),
                    Service::Bookings => bookings::apply(&mut model, row),
                };
                if let Err(what) = applied {
                    let about = format!("{service}, position {}", row.position);
                    model.findings.push(Finding::new(Invariant::Sequence, about, what).with_rows(service, [row]));
                }
            }
        }
        let findings = std::mem::take(&mut model.findings);
        (model, findings)
    }

    /// A thing of this kind.
    pub(super) fn thing(&self, kind: Kind, id: Uuid) -> Option<&Thing<'a>> {
        self.things.get(&id).filter(|thing| thing.kind == kind)
    }

    /// All things of this kind.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = (Uuid, &Thing<'a>)> {
        self.things.iter().filter(move |(_, thing)| thing.kind == kind).map(|(id, thing)| (*id, thing))
    }

    /// What is shown of a thing that is there.
    fn live(&self, kind: Kind, id: Uuid) -> Result<&Value, String> {
        let thing = self.thing(kind, id).ok_or_else(|| format!("there is no {kind:?} {id}"))?;
        let last = thing.last();
        if last.gone { Err(format!("{kind:?} {id} is gone")) } else { Ok(&last.view) }
    }

    /// Notes a new thing.
    fn create(&mut self, kind: Kind, row: &'a Row, view: Value) -> Result<(), String> {
        if self.things.contains_key(&row.entity_id) {
            return Err(format!("{kind:?} {} is created a second time", row.entity_id));
        }
        self.things.insert(row.entity_id, Thing { kind, states: Vec::new() });
        self.put(row, view, false);
        Ok(())
    }

    /// Notes that the thing that an event is about is as it is now.
    fn put(&mut self, row: &'a Row, mut view: Value, gone: bool) {
        if let Some(thing) = self.things.get_mut(&row.entity_id) {
            view["id"] = row.entity_id.to_string().into();
            view["version"] = (thing.states.len() + 1).into();
            thing.states.push(State { row, view, gone });
        }
    }
}

/// An id in an event; the nil one where there is none.
pub(super) fn id(value: &Value) -> Uuid {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Lays fields over others.
fn lay_over(view: &mut Value, fields: &Value) {
    for (name, field) in fields.as_object().into_iter().flatten() {
        view[name] = field.clone();
    }
}

/// An event that the checker doesn't know, which would be a gap in what it checks.
fn unknown(row: &Row) -> Result<(), String> {
    Err(format!("the checker knows no event {}", row.event_type))
}
