//! What was asked for: the calls of one command put together, with what there is of it in the end.

use std::collections::{BTreeMap, HashMap, HashSet};

use contracts::Service;
use contracts::ids::derive_id;
use serde_json::Value;
use uuid::Uuid;

use super::super::history::{Call, Door, History, Row, Told};
use super::Count;

/// Problems with which the gateway answers by itself: they tell nothing of a command that may have been given before.
const AT_THE_DOOR: [&str; 7] = [
    "still-running",
    "too-many-requests",
    "request-timeout",
    "unauthenticated",
    "forbidden",
    "wrong-credentials",
    "idempotency-mismatch",
];
/// Problems that never tell what becomes of a command.
const OPEN: [&str; 3] = ["still-running", "too-many-requests", "request-timeout"];

/// A command, however often it was sent.
pub(super) struct Given<'a> {
    /// Whose it is.
    pub(super) service: Service,
    /// Its name on NATS, such as `bookings.place`.
    pub(super) name: &'a str,
    /// Its id, and those under which the gateway gave it again after it had expired.
    pub(super) ids: Vec<Uuid>,
    /// How it was sent and what was told, in the order of the answers.
    pub(super) calls: Vec<&'a Call>,
    /// What it left in the journal.
    pub(super) rows: Vec<&'a Row>,
    /// How many of its ids were accepted.
    pub(super) accepted: usize,
    /// Whether any of them was decided.
    pub(super) decided: bool,
}

/// What a call told of its command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Done,
    Refused,
    Taken,
    Nothing,
}

impl<'a> Given<'a> {
    /// For findings.
    pub(super) fn about(&self) -> String {
        format!("{} {}", self.name, self.ids[0])
    }

    /// What was asked for. All calls under one id ask for the same, or the domain refuses them.
    pub(super) fn input(&self) -> &'a Value {
        &self.calls[0].input
    }

    /// When it can have been decided at the earliest: when it was first sent.
    pub(super) fn began(&self) -> u64 {
        self.calls.iter().map(|call| call.began).min().unwrap_or_default()
    }

    /// What a call tells, in the light of the others.
    pub(super) fn word(&self, call: &Call) -> Word {
        let in_the_dark = || {
            self.calls.iter().any(|other| matches!(other.told, Told::Unknown { .. } | Told::Taken | Told::Done { .. }))
        };
        match &call.told {
            Told::Done { .. } => Word::Done,
            Told::Taken => Word::Taken,
            Told::Unknown { .. } => Word::Nothing,
            Told::Refused { problem, .. } => {
                let problem = problem.as_str();
                let tells = !OPEN.contains(&problem) && (!AT_THE_DOOR.contains(&problem) || !in_the_dark());
                if tells { Word::Refused } else { Word::Nothing }
            }
        }
    }

    /// The calls that told this.
    pub(super) fn that(&self, word: Word) -> impl Iterator<Item = &'a Call> {
        self.calls.iter().copied().filter(move |call| self.word(call) == word)
    }

    /// Whether somebody was told this.
    pub(super) fn was(&self, word: Word) -> bool {
        self.that(word).next().is_some()
    }
}

/// All commands of a run.
pub(super) struct Commands<'a> {
    /// In no particular order.
    pub(super) all: Vec<Given<'a>>,
    by_id: HashMap<(Service, Uuid), usize>,
}

impl<'a> Commands<'a> {
    /// Puts a history's calls together.
    pub(super) fn of(history: &'a History) -> Self {
        let mut rows: HashMap<(Service, Uuid), Vec<&Row>> = HashMap::new();
        for (service, kept) in &history.ending.services {
            kept.journal.iter().for_each(|row| rows.entry((*service, row.command_id)).or_default().push(row));
        }
        let mut calls: BTreeMap<(Service, Uuid), Vec<&Call>> = BTreeMap::new();
        for call in &history.calls {
            if let (Some(service), Some(id)) = (service(&call.name), call.command_id) {
                calls.entry((service, id)).or_default().push(call);
            }
        }
        let (mut all, mut by_id) = (Vec::new(), HashMap::new());
        for ((service, id), calls) in calls {
            let given = given(history, &rows, service, id, calls);
            by_id.extend(given.ids.iter().map(|id| ((service, *id), all.len())));
            all.push(given);
        }
        Self { all, by_id }
    }

    /// The command with this id, or that was given again with it.
    pub(super) fn find(&self, service: Service, id: Uuid) -> Option<&Given<'a>> {
        self.by_id.get(&(service, id)).map(|place| &self.all[*place])
    }

    /// How many there were, by name.
    pub(super) fn counts(&self) -> BTreeMap<String, Count> {
        let mut counts: BTreeMap<String, Count> = BTreeMap::new();
        for given in &self.all {
            let count = counts.entry(given.name.to_owned()).or_default();
            count.sent += 1;
            match () {
                () if given.was(Word::Done) => count.acknowledged += 1,
                () if given.was(Word::Refused) => count.refused += 1,
                () if given.was(Word::Taken) => count.taken += 1,
                () => count.unknown += 1,
            }
        }
        counts
    }
}

fn given<'a>(
    history: &'a History,
    rows: &HashMap<(Service, Uuid), Vec<&'a Row>>,
    service: Service,
    id: Uuid,
    calls: Vec<&'a Call>,
) -> Given<'a> {
    let outcomes = history.ending.services.get(&service).map(|kept| &kept.outcomes);
    let outcome = |id: &Uuid| outcomes.and_then(|outcomes| outcomes.get(id)).copied();
    let mut ids = vec![id];
    if calls.iter().any(|call| call.door == Door::Rest) {
        let mut next = derive_id(id, "again");
        while outcome(&next).is_some() || rows.contains_key(&(service, next)) {
            ids.push(next);
            next = derive_id(next, "again");
        }
    }
    let found = ids.iter().filter_map(|id| rows.get(&(service, *id))).flatten().copied().collect();
    let accepted = ids.iter().filter(|id| outcome(id) == Some(true)).count();
    let decided = ids.iter().any(|id| outcome(id).is_some());
    Given { service, name: calls[0].name.as_str(), ids, calls, rows: found, accepted, decided }
}

/// The service of a command's name; none for a read.
fn service(name: &str) -> Option<Service> {
    name.split_once('.')?.0.parse().ok()
}

/// All ids that somebody sent a command under, of a service.
pub(super) fn known_ids(commands: &Commands<'_>, service: Service) -> HashSet<Uuid> {
    commands.all.iter().filter(|given| given.service == service).flat_map(|given| given.ids.iter().copied()).collect()
}
