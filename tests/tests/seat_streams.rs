//! `GET /api/showtimes/{id}/seats`, followed: the map, then its changes.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::samples::{self, with};
use system_tests::{Block, Listening, on_shared_cinema};

/// The seats of a map, or of a change, by name.
fn seats(places: &Value) -> BTreeMap<String, Value> {
    let places = places.as_array().unwrap().iter().filter(|place| place["state"] != "gap");
    places.map(|place| (place["seat"].as_str().unwrap().to_owned(), place.clone())).collect()
}

/// A map as its seats by name.
fn whole(map: &Value) -> BTreeMap<String, Value> {
    map["rows"].as_array().unwrap().iter().flat_map(|row| seats(&row["places"])).collect()
}

/// What somebody knows of a map who has heard this.
fn hear(known: &mut BTreeMap<String, Value>, block: &Block) {
    match block.event.as_str() {
        "seats" => *known = whole(&block.data),
        "seats-changed" => known.extend(seats(&block.data["seats"])),
        other => panic!("{other}"),
    }
}

fn path(showtime: &str) -> String {
    format!("/api/showtimes/{showtime}/seats")
}

#[test]
fn the_map_comes_first_and_then_its_changes() {
    on_shared_cinema(async |cinema| {
        let (user, (showtime, path)) = (cinema.user().await, cinema.seats().await);
        // Anyone may look, as at the map itself.
        let api = cinema.api.anonymous();
        let mut listening = Listening::open(&api, &path).await;
        assert_eq!(listening.header("cache-control"), "no-store");
        assert_eq!(listening.header("vary"), "accept");
        let map = listening.next().await.unwrap();
        assert_eq!((map.event.as_str(), &map.data), ("seats", &api.get(&path).await.expect(200).body));

        let booking = cinema.book(&user, &showtime, &["A1", "E2"]).await.expect(201);
        let changed = listening.next().await.unwrap();
        let euros = |amount: u32| json!({ "amount": amount, "currency": "EUR" });
        let seat = |state, seat, category, price| json!({ "state": state, "seat": seat, "category": category, "price": euros(price) });
        let expected = json!({
            "showtime_id": showtime, "free": 47, "capacity": 49,
            "seats": [seat("taken", "A1", "standard", 1250), seat("taken", "E2", "premium", 1650)],
        });
        assert_eq!((changed.event.as_str(), &changed.data), ("seats-changed", &expected), "nothing of who it was");
        assert_ne!(changed.id, map.id);

        cinema.api.put(booking.header("location"), &json!({ "seats": ["E2", "B3"] })).await.expect(200);
        let changed = listening.next().await.unwrap();
        let expected = json!([seat("free", "A1", "standard", 1250), seat("taken", "B3", "standard", 1250)]);
        assert_eq!((&changed.data["free"], &changed.data["seats"]), (&json!(47), &expected));

        // A booking elsewhere, and one that is refused, change nothing.
        cinema.book(&user, &cinema.showtime().await, &["C1"]).await.expect(201);
        cinema.book(&cinema.user().await, &showtime, &["E2"]).await.expect(409);
        cinema.api.delete(booking.header("location")).await.expect(204);
        let changed = listening.next().await.unwrap();
        assert_eq!(changed.data["free"], 49);
        assert_eq!(seats(&changed.data["seats"]).keys().collect::<Vec<_>>(), ["B3", "E2"]);
    });
}

#[test]
fn prices_are_followed_too_and_a_cancelled_showtime_is_the_end() {
    on_shared_cinema(async |cinema| {
        let (movie, hall) = (cinema.movie().await, cinema.hall().await);
        let details = samples::showtime(&movie, &hall);
        let showtime = cinema.api.post("/api/showtimes", &details).await.expect(201);
        let mut listening = Listening::open(&cinema.api, &path(&showtime.id())).await;
        listening.next().await.unwrap();
        let price = |amount: u32| json!({ "amount": amount, "currency": "EUR" });
        let prices = with(details, "prices", json!({ "standard": price(900), "premium": price(1650) }));
        cinema.api.put(showtime.header("location"), &prices).await.expect(200);
        let changed = listening.next().await.unwrap();
        assert_eq!(changed.data["seats"].as_array().unwrap().len(), 39);
        assert_eq!(changed.data["seats"][0]["price"], price(900));

        cinema.api.delete(showtime.header("location")).await.expect(204);
        let changed = listening.next().await.unwrap();
        assert_eq!((&changed.data["free"], &changed.data["capacity"]), (&json!(0), &json!(0)));
        let last = listening.next().await.unwrap();
        assert_eq!((last.event.as_str(), &last.data), ("showtime-cancelled", &json!({ "showtime_id": showtime.id() })));
        assert_eq!(listening.next().await, None);

        // Who comes late is told the same; who comes back is told to stay away, as browsers understand it.
        let mut late = Listening::open(&cinema.api, &path(&showtime.id())).await;
        let events = late.take(2).await;
        assert_eq!((events[0].event.as_str(), events[1].event.as_str()), ("seats", "showtime-cancelled"));
        assert_eq!(late.next().await, None);
        let again = cinema.api.request(Method::GET, &path(&showtime.id())).header("accept", "text/event-stream");
        cinema.api.send(again.header("last-event-id", &late.last_id)).await.expect(204);
    });
}

#[test]
fn what_is_followed_under_load_is_what_the_map_says_in_the_end() {
    on_shared_cinema(async |cinema| {
        let (showtime, path) = cinema.seats().await;
        let mut listeners = Vec::new();
        for _ in 0..4 {
            listeners.push(Listening::open(&cinema.api.anonymous(), &path).await);
        }
        let books = (0..8).map(async |customer| {
            let user = cinema.user().await;
            for round in 0..10 {
                let seats =
                    [["A", "B", "C", "E"][customer % 4].to_owned() + &(customer / 4 * 5 + 1 + round % 5).to_string()];
                let seats: Vec<&str> = seats.iter().map(String::as_str).collect();
                let booking = cinema.book(&user, &showtime, &seats).await.expect(201);
                if round < 9 && round % 3 != 0 || round < 5 {
                    cinema.api.delete(booking.header("location")).await.expect(204);
                }
            }
        });
        futures_util::future::join_all(books).await;
        let map = cinema.api.get(&path).await.expect(200).body;
        for mut listening in listeners {
            let mut known = BTreeMap::new();
            while known != whole(&map) {
                hear(&mut known, &listening.next().await.unwrap());
            }
        }
    });
}

#[test]
fn what_cannot_be_followed_is_a_problem() {
    on_shared_cinema(async |cinema| {
        let unknown = cinema.api.request(Method::GET, &path(&uuid::Uuid::now_v7().to_string()));
        cinema.api.send(unknown.header("accept", "text/event-stream")).await.expect(404).expect_problem("not-found");
        // At once, by whoever scheduled it.
        let showtime = cinema.showtime().await;
        for (accept, media_type) in [
            ("text/event-stream", "text/event-stream"),
            ("application/json, text/event-stream;q=0.9", "text/event-stream"),
            ("application/json", "application/json"),
            ("*/*", "application/json"),
        ] {
            let request = cinema.api.request(Method::GET, &path(&showtime)).header("accept", accept);
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["content-type"], media_type, "{accept}");
        }
    });
}
