//! What is not as it must be when all has settled.

use serde_json::{Value, json};
use system_tests::chaos::check::Invariant::{Projections, Settled, Verify};
use system_tests::chaos::history::History;

use crate::histories::finds;

fn list<'a>(history: &'a mut History, path: &str) -> &'a mut Vec<Value> {
    history.ending.reads.get_mut(path).and_then(Value::as_array_mut).expect("a list")
}

#[test]
fn a_row_that_a_projection_lacks_or_has_too_many_is_found() {
    for path in ["/api/users", "/api/movies", "/api/halls", "/api/showtimes", "/api/bookings"] {
        finds(Projections, |history| {
            let lost = list(history, path).remove(0);
            lost["id"].as_str().expect("an id").to_owned()
        });
        finds(Projections, |history| {
            let twice = list(history, path)[0].clone();
            list(history, path).push(twice.clone());
            twice["id"].as_str().expect("an id").to_owned()
        });
    }
}

#[test]
fn a_row_with_another_content_is_found() {
    let spoils: [(&str, &[&str], Value); 7] = [
        ("/api/users", &["roles"], json!(["staff", "admin"])),
        ("/api/users", &["full_name"], json!("Nobody")),
        ("/api/movies", &["version"], json!(77)),
        ("/api/halls", &["capacity"], json!(1)),
        ("/api/showtimes", &["movie", "title"], json!("Another")),
        ("/api/bookings", &["total", "amount"], json!(1)),
        ("/api/bookings", &["showtime", "starts_at"], json!("2031-01-01T20:00:00Z")),
    ];
    for (path, fields, value) in spoils {
        finds(Projections, |history| {
            let item = &mut list(history, path)[0];
            let field = fields.iter().fold(&mut *item, |item, field| &mut item[field]);
            *field = value;
            item["id"].as_str().expect("an id").to_owned()
        });
    }
}

#[test]
fn a_users_bookings_and_a_seat_map_are_looked_at_too() {
    finds(Projections, |history| {
        let theirs =
            history.ending.reads.iter().find(|(path, list)| {
                path.ends_with("/bookings") && list[0].is_object() && path.starts_with("/api/users/")
            });
        let path = theirs.expect("a user with bookings").0.clone();
        list(history, &path).remove(0);
        path
    });
    finds(Projections, |history| {
        let maps = &mut history.ending.reads;
        let (path, map) = maps.iter_mut().find(|(_, map)| map["free"].as_u64() > Some(0)).expect("a seat map");
        let places = map["rows"][0]["places"].as_array_mut().expect("places");
        let free = places.iter_mut().find(|place| place["state"] == "free").expect("a free seat");
        free["state"] = json!("taken");
        path.clone()
    });
}

#[test]
fn what_is_late_or_not_clean_is_found() {
    finds(Settled, |history| {
        history.ending.settled_ms = Some(10_001);
        "10001".into()
    });
    finds(Settled, |history| {
        history.ending.settled_ms = None;
        "never".into()
    });
    finds(Verify, |history| {
        history.ending.verify = (Some(1), "seats: something".into());
        "seats: something".into()
    });
}
