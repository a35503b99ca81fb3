//! Commands of which clients were told something else than what there is.

use contracts::Service;
use contracts::ids::derive_id;
use serde_json::{Value, json};
use system_tests::chaos::check::Invariant::{self, Acknowledged, Once, Reactions, Refused, Taken, Tellings};
use system_tests::chaos::check::check;
use system_tests::chaos::history::{Call, Harm, History, Row, Told};
use uuid::Uuid;

use crate::histories::{append, body, body_mut, call, done, finds, forget, is_shown, kept, read, rewrite};

#[test]
fn what_was_acknowledged_and_is_not_there_is_found() {
    for name in ["bookings.place", "users.register", "movies.update", "bookings.change-seats"] {
        finds(Acknowledged, |history| {
            let (id, row) = done(history, name);
            let service = name.split('.').next().and_then(|service| service.parse().ok()).expect("a service");
            let kept = kept(history, service);
            forget(kept, &row);
            kept.outcomes.remove(&id);
            id.to_string()
        });
    }
}

#[test]
fn what_was_done_otherwise_than_asked_for_is_found() {
    let other_seat = |data: &mut Value| data["seats"][0]["seat"] = json!("A10");
    let other_user = |data: &mut Value| data["user_id"] = json!(Uuid::now_v7());
    for (name, change) in [("bookings.place", other_seat as fn(&mut Value)), ("bookings.place", other_user)] {
        finds(Acknowledged, |history| {
            let (id, row) = done(history, name);
            rewrite(kept(history, Service::Bookings), row.position, change);
            id.to_string()
        });
    }
    finds(Acknowledged, |history| {
        let (id, row) = done(history, "users.set-roles");
        rewrite(kept(history, Service::Users), row.position, |data| data["roles"] = json!(["customer", "staff"]));
        id.to_string()
    });
    finds(Acknowledged, |history| {
        let (id, row) = done(history, "movies.reschedule");
        rewrite(kept(history, Service::Movies), row.position, |data| data["details"]["language"] = json!("tlh"));
        id.to_string()
    });
}

#[test]
fn what_was_told_otherwise_than_done_is_found() {
    type Spoil = fn(&mut Value);
    let spoils: [(&str, Spoil); 4] = [
        ("bookings.place", |body| body["total"]["amount"] = json!(1)),
        ("bookings.place", |body| body["user_id"] = json!(Uuid::nil())),
        ("movies.schedule", |body| body["starts_at"] = json!("2031-01-01T20:00:00Z")),
        ("users.register", |body| body["version"] = json!(2)),
    ];
    for (name, spoil) in spoils {
        finds(Acknowledged, |history| {
            let told = call(history, name, is_shown);
            spoil(body_mut(told));
            told.command_id.expect("a command").to_string()
        });
    }
    finds(Acknowledged, |history| {
        let told = call(history, "bookings.place", is_shown);
        if let Told::Done { position, .. } = &mut told.told {
            *position = position.map(|position| position + 1);
        }
        told.command_id.expect("a command").to_string()
    });
}

#[test]
fn an_effect_that_is_there_twice_is_found() {
    finds(Once, |history| {
        let (id, row) = done(history, "bookings.place");
        append(kept(history, Service::Bookings), row);
        id.to_string()
    });
    // The gateway gives a command again under an id that follows from the first, when that has expired.
    finds(Once, |history| {
        let told = call(history, "bookings.place", |call| is_shown(call) && body(call)["user"].is_object());
        let id = told.command_id.expect("a command");
        let kept = kept(history, Service::Bookings);
        let row = kept.journal.iter().find(|row| row.command_id == id).expect("a row").clone();
        let mut again = Row { command_id: derive_id(id, "again"), entity_id: Uuid::now_v7(), ..row };
        again.data["booking_id"] = json!(again.entity_id);
        append(kept, again);
        id.to_string()
    });
}

#[test]
fn what_was_refused_and_took_effect_is_found() {
    for name in ["bookings.place", "movies.add-hall", "users.open-session"] {
        finds(Refused, |history| {
            tell(history, name, Told::Refused { status: 409, problem: "seats-unavailable".into() })
        });
    }
    // What the gateway answers by itself is as good as a refusal, when nothing else was ever told.
    finds(Refused, |history| {
        tell(history, "bookings.place", Told::Refused { status: 403, problem: "forbidden".into() })
    });
}

#[test]
fn what_nobody_can_tell_may_have_taken_effect_or_not() {
    let mut history = read("calm");
    tell(&mut history, "bookings.place", Told::Unknown { why: "a test".into() });
    tell(&mut history, "movies.add", Told::Refused { status: 409, problem: "still-running".into() });
    let verdict = check(&history);
    let wrong = |invariant| verdict.findings.iter().any(|found| found.invariant == invariant);
    assert!(![Acknowledged, Refused, Once, Taken].into_iter().any(wrong), "{verdict}");
}

/// Tells the client something else of the first command by this name that was done and shown.
fn tell(history: &mut History, name: &str, told: Told) -> String {
    let found = call(history, name, is_shown);
    found.told = told;
    found.command_id.expect("a command").to_string()
}

#[test]
fn what_was_taken_and_never_decided_is_found_unless_a_disk_was_lost() {
    let forgotten = |history: &mut History| {
        let taken = call(history, "", |call| matches!(call.told, Told::Taken)).clone();
        let id = taken.command_id.expect("a command");
        for kept in history.ending.services.values_mut() {
            kept.outcomes.remove(&id);
            while let Some(row) = kept.journal.iter().find(|row| row.command_id == id).cloned() {
                forget(kept, &row);
            }
        }
        // Nobody else said anything of it either.
        history.calls.retain(|call| call.command_id != Some(id) || matches!(call.told, Told::Taken));
        (id, taken)
    };
    finds(Taken, |history| forgotten(history).0.to_string());
    let lost = |harm: fn(&Call) -> Harm| {
        let mut history = read("calm");
        let (id, taken) = forgotten(&mut history);
        history.harms.push(harm(&taken));
        let verdict = check(&history);
        verdict.findings.iter().any(|found| found.invariant == Taken && found.about.contains(&id.to_string()))
    };
    let harm = |kind: &str, began, ended| Harm { began, ended, kind: kind.into(), to: "nats-server".into() };
    assert!(!lost(|taken| Harm {
        began: taken.ended + 1,
        ended: taken.ended + 9,
        kind: Harm::WIPE_BROKER.into(),
        to: "".into()
    }));
    assert!(
        lost(|taken| Harm { began: 0, ended: taken.began - 1, kind: Harm::WIPE_BROKER.into(), to: "".into() }),
        "too early"
    );
    assert!(
        lost(|taken| Harm { began: taken.began, ended: taken.ended + 9, kind: "kill".into(), to: "".into() }),
        "no loss"
    );
    let mut history = read("calm");
    let (id, _) = forgotten(&mut history);
    history.harms.push(harm("kill", 0, u64::MAX));
    history.ending.services.values_mut().for_each(|kept| kept.dead_letters.push(id));
    let taken = |found: &system_tests::chaos::check::Finding| found.invariant == Taken;
    assert!(!check(&history).findings.iter().any(taken), "a dead letter has been decided on");
}

#[test]
fn tellings_that_contradict_each_other_are_found() {
    let again = |told: fn(&Told) -> Told| {
        move |history: &mut History| {
            let first = call(history, "bookings.place", is_shown).clone();
            let id = first.command_id.expect("a command");
            history.calls.push(Call { told: told(&first.told), ..first });
            id.to_string()
        }
    };
    finds(Tellings, again(|_| Told::Refused { status: 409, problem: "seats-unavailable".into() }));
    finds(
        Tellings,
        again(|told| match told.clone() {
            Told::Done { status, body, version, .. } => Told::Done { status, body, version, position: Some(1_000_000) },
            told => told,
        }),
    );
}

#[test]
fn a_booking_that_should_not_be_there_is_found() {
    // The showtime or the user go last of all, and nothing follows from it.
    let left_over: [(Service, &str, &str); 2] =
        [(Service::Movies, "showtime_id", "showtime-cancelled.v1"), (Service::Users, "user_id", "user-deleted.v1")];
    for (service, field, event_type) in left_over {
        finds(Reactions, |history| {
            let standing = standing(history);
            let id: Uuid = standing[field].as_str().and_then(|id| id.parse().ok()).expect("an id");
            let kept = kept(history, service);
            let row = kept.journal.iter().find(|row| row.entity_id == id).expect("a row").clone();
            append(
                kept,
                Row { event_type: event_type.into(), data: json!({ field: id }), command_id: Uuid::now_v7(), ..row },
            );
            standing["booking_id"].as_str().expect("an id").to_owned()
        });
    }
    booked_too_late(Reactions);
}

/// A booking was asked for after its showtime was known to be cancelled.
fn booked_too_late(invariant: Invariant) {
    finds(invariant, |history| {
        let cancelled: Vec<(Uuid, u64)> = history
            .calls
            .iter()
            .filter(|call| call.name == "movies.cancel" && matches!(call.told, Told::Done { .. }))
            .filter_map(|call| Some((call.entity?, call.ended)))
            .collect();
        let of = |call: &Call, showtime: &Uuid| call.input["showtime_id"] == json!(showtime);
        let late = |call: &Call| cancelled.iter().find(|(showtime, _)| of(call, showtime)).map(|(_, told)| *told);
        let place = call(history, "bookings.place", |call| is_shown(call) && late(call).is_some());
        let told = late(place).expect("a cancelled showtime");
        (place.began, place.ended) = (told + 1, told + 2);
        place.command_id.expect("a command").to_string()
    });
}

/// What was said of a booking that stands in the end.
fn standing(history: &History) -> Value {
    let bookings = history.ending.reads["/api/bookings"].as_array().expect("a list");
    let standing = bookings.iter().find(|booking| booking["status"] == "confirmed").expect("one that stands");
    json!({ "booking_id": standing["id"], "showtime_id": standing["showtime"]["id"], "user_id": standing["user_id"] })
}
