//! What each client read, held against what it had written before. That it isn't older than what it had *read* before
//! nobody promises: what another client changed shows through one gateway a moment before it does through another.

use std::collections::{BTreeSet, HashMap};

use contracts::Service;
use serde_json::Value;
use uuid::Uuid;

use super::super::history::{Call, History, Told};
use super::model::{Kind, Model, id};
use super::paths::{self, Asked};
use super::same::{same, unlike};
use super::seat_map;
use super::{Finding, Invariant};

pub(super) fn check(history: &History, model: &Model<'_>) -> Vec<Finding> {
    let mut clients: HashMap<u32, Client<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for call in &history.calls {
        let client = clients.entry(call.client).or_insert_with(|| Client::new(model));
        for what in client.hears(call) {
            findings.push(
                Finding::new(Invariant::Reads, format!("client {}, {}", call.client, call.name), what)
                    .with_calls([call]),
            );
        }
    }
    findings
}

/// What a client knows.
struct Client<'a> {
    model: &'a Model<'a>,
    /// The highest positions that it was told of. It asks for no less.
    positions: HashMap<Service, u64>,
    /// The versions that it made of things.
    made: HashMap<Uuid, u64>,
}

impl<'a> Client<'a> {
    fn new(model: &'a Model<'a>) -> Self {
        Self { model, positions: HashMap::new(), made: HashMap::new() }
    }

    /// Takes in what a call tells; what is wrong with it.
    fn hears(&mut self, call: &Call) -> Vec<String> {
        if call.command_id.is_some() {
            self.wrote(call);
            return Vec::new();
        }
        let Some((asked, filtered)) = paths::read(&call.name) else { return Vec::new() };
        match (&call.told, asked) {
            (Told::Done { body, version, .. }, Asked::One(kind, id)) => {
                let version = body["version"].as_u64().or(*version).unwrap_or_default();
                self.one(kind, id, version, body).into_iter().collect()
            }
            (Told::Done { body, .. }, Asked::Seats(id)) => self.seats(id, body).into_iter().collect(),
            (Told::Done { body, .. }, Asked::All(_) | Asked::Of(..)) => self.list(asked, body, filtered),
            (Told::Refused { status: 404, .. }, Asked::One(kind, id)) => self.missing(kind, id).into_iter().collect(),
            (Told::Refused { status: 404, .. }, Asked::Seats(id)) => {
                self.missing(Kind::Showtime, id).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn wrote(&mut self, call: &Call) {
        let Told::Done { body, position, .. } = &call.told else { return };
        let service = call.name.split_once('.').and_then(|(service, _)| service.parse().ok());
        if let (Some(service), Some(position)) = (service, position) {
            let known = self.positions.entry(service).or_default();
            *known = (*known).max(*position);
        }
        if let Some(version) = body["version"].as_u64() {
            let made = self.made.entry(id(&body["id"])).or_default();
            *made = (*made).max(version);
        }
    }

    fn position(&self, service: Service) -> u64 {
        self.positions.get(&service).copied().unwrap_or_default()
    }

    /// The least version of a thing that may still be shown to it.
    fn least(&self, kind: Kind, thing: Uuid) -> u64 {
        let position = self.position(paths::service(kind));
        let written = self.model.thing(kind, thing).map_or(0, |thing| thing.version_at(position));
        written.max(self.made.get(&thing).copied().unwrap_or_default())
    }

    fn one(&self, kind: Kind, thing: Uuid, version: u64, body: &Value) -> Option<String> {
        let least = self.least(kind, thing);
        let found = self.model.thing(kind, thing).filter(|found| found.at(version).is_some());
        let Some(found) = found else {
            return Some(format!("there never was a version {version} of {kind:?} {thing}"));
        };
        if version < least {
            return Some(format!("{kind:?} {thing} is shown in version {version}, which was {least} already"));
        }
        let wrong = if body.is_null() { Vec::new() } else { unlike(found.views(version), body) };
        (!wrong.is_empty()).then(|| format!("version {version} of {kind:?} {thing}: {}", wrong.join("; ")))
    }

    /// It is said not to be there. Users and bookings are not there for strangers.
    fn missing(&self, kind: Kind, thing: Uuid) -> Option<String> {
        let was_there = match kind {
            Kind::User | Kind::Booking => self.made.contains_key(&thing),
            _ => self.least(kind, thing) > 0,
        };
        let found = self.model.thing(kind, thing)?;
        let stays = !found.states.iter().any(|state| state.gone);
        (was_there && stays).then(|| format!("{kind:?} {thing} is not found, which was there already"))
    }

    fn list(&self, asked: Asked, page: &Value, filtered: bool) -> Vec<String> {
        let (Asked::All(kind) | Asked::Of(kind, _)) = asked else { return Vec::new() };
        let items: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
        let expected = self.expected(asked);
        let mut wrong = Vec::new();
        for item in &items {
            wrong.extend(self.one(kind, id(&item["id"]), item["version"].as_u64().unwrap_or_default(), item));
        }
        let shown: BTreeSet<Uuid> = items.iter().map(|item| id(&item["id"])).collect();
        // Of a page that another one follows, what comes before its end must be there; showtimes are in another order.
        let end = page["cursor"].is_string().then(|| shown.last().copied().unwrap_or_default());
        let is_due = |thing: &Uuid| end.is_none_or(|end| kind != Kind::Showtime && *thing <= end);
        if !filtered {
            let missing = expected.iter().filter(|thing| is_due(thing) && !shown.contains(thing));
            wrong.extend(missing.map(|thing| format!("{kind:?} {thing} is not in the list, which was there already")));
        }
        wrong
    }

    /// What a list must have in it: what was there already and never goes away.
    fn expected(&self, asked: Asked) -> Vec<Uuid> {
        let (Asked::All(kind) | Asked::Of(kind, _)) = asked else { return Vec::new() };
        let owner = |view: &Value| match (asked, kind) {
            (Asked::Of(_, owner), Kind::Booking) => id(&view["user_id"]) == owner,
            (Asked::Of(_, owner), _) => id(&view["movie"]["id"]) == owner,
            _ => true,
        };
        let all = self.model.all(kind).filter(|(_, thing)| !thing.states.iter().any(|state| state.gone));
        let theirs = all.filter(|(_, thing)| owner(&thing.last().view)).map(|(id, _)| id);
        // Of all bookings, a customer's list has only their own.
        let was_there = |id: &Uuid| match asked {
            Asked::All(Kind::Booking) => self.made.contains_key(id),
            _ => self.least(kind, *id) > 0,
        };
        theirs.filter(was_there).collect()
    }

    fn seats(&self, showtime: Uuid, body: &Value) -> Option<String> {
        let Some(thing) = self.model.thing(Kind::Showtime, showtime) else {
            return Some(format!("there never was a showtime {showtime}"));
        };
        let least = self.least(Kind::Showtime, showtime).max(1);
        let states = thing.states.iter().skip(usize::try_from(least).unwrap_or(usize::MAX) - 1);
        let halls = self.model.thing(Kind::Hall, id(&thing.last().view["hall"]["id"]));
        let layouts = || halls.into_iter().flat_map(|hall| &hall.states).map(|hall| &hall.view["layout"]);
        let taken = seat_map::taken(body);
        let fits = |view: &Value| layouts().any(|layout| same(&seat_map::map(view, layout, &taken), body));
        let fitting: Vec<_> = states.filter(|state| fits(&state.view)).collect();
        if fitting.is_empty() {
            return Some(format!("the seats are not those of showtime {showtime} in version {least} or later"));
        }
        // Of a cancelled one no seat is shown, so it doesn't tell which are taken.
        if fitting.iter().any(|state| state.view["status"] == "cancelled") {
            return None;
        }
        let from = self.position(Service::Bookings);
        let seating = self.model.seatings.get(&showtime);
        let was_so = seating.map_or(taken.is_empty(), |seating| seating.were_taken(&taken, from));
        (!was_so).then(|| format!("from position {from} on, never were just these seats taken: {taken:?}"))
    }
}
