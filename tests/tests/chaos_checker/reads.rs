//! Reads that are older than what the client had written before.

use serde_json::{Value, json};
use system_tests::chaos::check::Invariant::Reads;
use system_tests::chaos::check::check;
use system_tests::chaos::history::{Call, History, Told};

use crate::histories::{body, body_mut, call, finds, is_shown, read};

/// A read of a thing in a later version than its first, and what its maker was told of that first one.
fn read_again(history: &mut History) -> (&mut Call, Value) {
    let firsts: Vec<Value> = history.calls.iter().map(body).filter(|body| body["version"] == 1).cloned().collect();
    let first = |call: &Call| firsts.iter().find(|first| first["id"] == body(call)["id"]).cloned();
    let changed = |call: &Call| body(call)["version"].as_u64() > Some(1) && first(call).is_some();
    // By the client that made the change, right after it.
    let makers: Vec<(u32, Value, Value)> = history
        .calls
        .iter()
        .filter(|call| call.command_id.is_some())
        .map(|call| (call.client, body(call)["id"].clone(), body(call)["version"].clone()))
        .collect();
    let is_own = |call: &Call| makers.contains(&(call.client, body(call)["id"].clone(), body(call)["version"].clone()));
    let found = call(history, "GET /api/", |call| changed(call) && is_own(call));
    let first = first(found).expect("a first version");
    (found, first)
}

#[test]
fn an_older_version_than_the_own_is_found() {
    finds(Reads, |history| {
        let (read, first) = read_again(history);
        *body_mut(read) = first;
        read.name.clone()
    });
}

#[test]
fn another_content_of_the_version_is_found() {
    finds(Reads, |history| {
        let read = call(history, "GET /api/bookings/", is_shown);
        body_mut(read)["seats"][0]["seat"] = json!("A10");
        read.name.clone()
    });
    finds(Reads, |history| {
        let read = call(history, "GET /api/bookings/", is_shown);
        body_mut(read)["version"] = json!(1000);
        read.name.clone()
    });
}

#[test]
fn own_things_that_are_not_found_are_found() {
    finds(Reads, |history| {
        let (read, _) = read_again(history);
        read.told = Told::Refused { status: 404, problem: "not-found".into() };
        read.name.clone()
    });
}

/// Lets whoever booked first look at all bookings of theirs in the end.
fn list(history: &mut History) -> &mut Call {
    let booked = call(history, "bookings.place", is_shown).clone();
    let path = format!("/api/users/{}/bookings", body(&booked)["user_id"].as_str().expect("an id"));
    let (items, name) = (history.ending.reads[&path].clone(), format!("GET {path}?limit=200"));
    let told = Told::Done { status: 200, body: json!({ "items": items }), version: None, position: None };
    history.calls.push(Call { name, command_id: None, entity: None, input: Value::Null, told, ..booked });
    history.calls.last_mut().expect("a call")
}

#[test]
fn a_list_without_the_own_booking_is_found() {
    let mut whole = read("calm");
    list(&mut whole);
    assert!(check(&whole).is_good(), "{}", check(&whole));
    finds(Reads, |history| {
        let lost = body_mut(list(history))["items"].as_array_mut().expect("items").remove(0);
        format!("Booking {}", lost["id"].as_str().expect("an id"))
    });
}

#[test]
fn a_seat_map_without_the_own_seats_is_found() {
    finds(Reads, |history| {
        // The client that had just booked is the one that looks.
        let mut last: Vec<(u32, Value, Value)> = Vec::new();
        for call in &history.calls {
            if call.name == "bookings.place" && is_shown(call) {
                last.push((call.client, body(call)["showtime"]["id"].clone(), body(call)["seats"][0]["seat"].clone()));
            }
        }
        let own = |call: &Call| {
            let seen = places(body(call));
            let theirs = last
                .iter()
                .filter(|(client, showtime, _)| *client == call.client && body(call)["showtime_id"] == *showtime);
            theirs
                .map(|(.., seat)| seat)
                .find(|seat| seen.iter().any(|place| place["seat"] == **seat && place["state"] == "taken"))
                .cloned()
        };
        let map = call(history, "GET /api/showtimes/", |call| call.name.ends_with("/seats") && own(call).is_some());
        let seat = own(map).expect("a seat");
        let body = body_mut(map);
        body["free"] = json!(body["free"].as_u64().expect("a number") + 1);
        for row in body["rows"].as_array_mut().expect("rows") {
            for place in row["places"].as_array_mut().expect("places") {
                if place["seat"] == seat {
                    place["state"] = json!("free");
                }
            }
        }
        map.name.clone()
    });
}

#[test]
fn a_seat_map_with_another_price_is_found() {
    finds(Reads, |history| {
        let map = call(history, "GET /api/showtimes/", |call| body(call)["free"].as_u64() > Some(0));
        body_mut(map)["rows"][0]["places"][0]["price"]["amount"] = json!(1);
        map.name.clone()
    });
}

fn places(map: &Value) -> Vec<&Value> {
    let rows = map["rows"].as_array().into_iter().flatten();
    rows.flat_map(|row| row["places"].as_array().into_iter().flatten()).collect()
}
