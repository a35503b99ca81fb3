//! What REST shows in the end: all that the journals add up to, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::history::History;
use super::model::{Kind, Model, id};
use super::same::{differences, same};
use super::seat_map;
use super::{Finding, Invariant};

pub(super) fn check(history: &History, model: &Model<'_>) -> Vec<Finding> {
    let mut last = Last { history, model, findings: Vec::new() };
    let lists = [
        (Kind::User, "/api/users"),
        (Kind::Movie, "/api/movies"),
        (Kind::Hall, "/api/halls"),
        (Kind::Showtime, "/api/showtimes"),
        (Kind::Booking, "/api/bookings"),
    ];
    for (kind, path) in lists {
        last.list(path, kind, |_| true);
    }
    let there = model.all(Kind::User).filter(|(_, user)| !user.last().gone);
    for (user, _) in there {
        last.list(&format!("/api/users/{user}/bookings"), Kind::Booking, |view| id(&view["user_id"]) == user);
    }
    for (showtime, _) in model.all(Kind::Showtime) {
        last.seats(showtime);
    }
    last.findings
}

struct Last<'a> {
    history: &'a History,
    model: &'a Model<'a>,
    findings: Vec<Finding>,
}

impl Last<'_> {
    fn find(&mut self, path: &str, what: impl Into<String>) {
        self.findings.push(Finding::new(Invariant::Projections, path, what));
    }

    fn list(&mut self, path: &str, kind: Kind, belongs: impl Fn(&Value) -> bool) {
        let Some(Value::Array(items)) = self.history.ending.reads.get(path) else {
            let shown = self.history.ending.reads.get(path);
            return self.find(path, format!("there is no list, but {shown:?}"));
        };
        let all = self.model.all(kind).filter(|(_, thing)| !thing.last().gone && belongs(&thing.last().view));
        let mut expected: BTreeMap<Uuid, Value> =
            all.map(|(id, thing)| (id, self.shown(kind, &thing.last().view))).collect();
        for item in items {
            let thing = id(&item["id"]);
            match expected.remove(&thing) {
                None => self.find(path, format!("{kind:?} {thing} is shown, or shown again, and must not be")),
                Some(view) => {
                    let wrong = differences(&view, item);
                    if !wrong.is_empty() {
                        self.find(path, format!("{kind:?} {thing}: {}", wrong.join("; ")));
                    }
                }
            }
        }
        for thing in expected.into_keys() {
            self.find(path, format!("{kind:?} {thing} is not shown"));
        }
    }

    /// With the names that go along.
    fn shown(&self, kind: Kind, view: &Value) -> Value {
        let name = |kind, thing: &Value, name: &str| {
            let found = self.model.thing(kind, id(thing)).map(|thing| thing.last().view[name].clone());
            found.unwrap_or_default()
        };
        let mut shown = view.clone();
        match kind {
            Kind::Showtime => {
                shown["movie"]["title"] = name(Kind::Movie, &view["movie"]["id"], "title");
                shown["hall"]["name"] = name(Kind::Hall, &view["hall"]["id"], "name");
            }
            Kind::Booking => {
                if let Some(showtime) = self.model.thing(Kind::Showtime, id(&view["showtime"]["id"])) {
                    let showtime = self.shown(Kind::Showtime, &showtime.last().view);
                    shown["movie"] = showtime["movie"].clone();
                    shown["showtime"] =
                        json!({ "id": showtime["id"], "starts_at": showtime["starts_at"], "hall": showtime["hall"] });
                }
            }
            _ => {}
        }
        shown
    }

    fn seats(&mut self, showtime: Uuid) {
        let path = format!("/api/showtimes/{showtime}/seats");
        let Some(thing) = self.model.thing(Kind::Showtime, showtime) else { return };
        let view = &thing.last().view;
        let Some(hall) = self.model.thing(Kind::Hall, id(&view["hall"]["id"])) else { return };
        let taken = self.model.seatings.get(&showtime).map(|seating| seating.taken()).unwrap_or_default();
        let expected = seat_map::map(view, &hall.last().view["layout"], &taken);
        let Some(shown) = self.history.ending.reads.get(&path) else { return self.find(&path, "nobody looked") };
        if same(&expected, shown) {
            return;
        }
        let shown_taken = seat_map::taken(shown);
        let lists = |seats: BTreeSet<&String>| seats.into_iter().cloned().collect::<Vec<_>>().join(", ");
        let what = match taken == shown_taken {
            false => format!(
                "taken, and not shown so: {}; shown as taken, and free: {}",
                lists(taken.difference(&shown_taken).collect()),
                lists(shown_taken.difference(&taken).collect())
            ),
            true => format!("it must be {expected}"),
        };
        self.find(&path, what);
    }
}
