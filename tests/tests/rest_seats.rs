//! Seat maps at the REST door, and what happens to bookings when their showtime or their user goes.

use serde_json::{Value, json};
use system_tests::samples::{self, showtime, with};
use system_tests::{Api, Cinema, eventually, on_shared_cinema};

/// The seat map, with its rows as a word each: `f` free, `t` taken, `b` blocked, `-` gap.
async fn seat_map(api: &Api, showtime: &str) -> (Value, Vec<String>) {
    let map = api.get(&format!("/api/showtimes/{showtime}/seats")).await.expect(200).body;
    let rows = map["rows"].as_array().unwrap().iter().map(|row| {
        let signs = row["places"].as_array().unwrap().iter().map(|place| match place["state"].as_str().unwrap() {
            "gap" => "-",
            other => &other[..1],
        });
        format!("{} {}", row["label"].as_str().unwrap(), signs.collect::<String>())
    });
    let rows = rows.collect();
    (map, rows)
}

/// What the map says of one seat.
fn place<'a>(map: &'a Value, seat: &str) -> &'a Value {
    let mut places = map["rows"].as_array().unwrap().iter().flat_map(|row| row["places"].as_array().unwrap());
    places.find(|place| place["seat"] == seat).unwrap_or_else(|| panic!("no {seat} in {map:#}"))
}

#[test]
fn the_seat_map_shows_every_place_and_follows_each_booking_at_once() {
    on_shared_cinema(async |cinema| {
        let (api, user, showtime) = (&cinema.api, cinema.user().await, cinema.showtime().await);
        let (map, rows) = seat_map(api, &showtime).await;
        assert_eq!(rows, ["A ffffffffff", "B ffffffffff", "C fffff--fffff", "D bfffffffff", "E ffffffffff"]);
        assert_eq!((&map["showtime_id"], &map["free"], &map["capacity"]), (&json!(showtime), &json!(49), &json!(49)));
        let euros = |amount: u32| json!({ "amount": amount, "currency": "EUR" });
        let seat = |seat: &str, state: &str, category: &str, price: u32| json!({ "state": state, "seat": seat, "category": category, "price": euros(price) });
        assert_eq!(map["rows"][2]["places"][4], seat("C5", "free", "standard", 1250));
        assert_eq!(map["rows"][2]["places"][5], json!({ "state": "gap" }));
        assert_eq!(map["rows"][2]["places"][7], seat("C6", "free", "standard", 1250));
        assert_eq!(map["rows"][3]["places"][0], json!({ "state": "blocked", "seat": "D1" }));
        assert_eq!(map["rows"][4]["places"][9], seat("E10", "free", "premium", 1650));

        let booking = cinema.book(&user, &showtime, &["A1", "C6", "E10"]).await.expect(201);
        let path = booking.header("location");
        let (map, rows) = seat_map(api, &showtime).await;
        assert_eq!(rows, ["A tfffffffff", "B ffffffffff", "C fffff--tffff", "D bfffffffff", "E ffffffffft"]);
        assert_eq!((&map["free"], &map["capacity"]), (&json!(46), &json!(49)));
        assert_eq!(place(&map, "E10"), &seat("E10", "taken", "premium", 1650));

        api.put(path, &json!({ "seats": ["A1", "B2"] })).await.expect(200);
        let (map, rows) = seat_map(api, &showtime).await;
        assert_eq!(rows, ["A tfffffffff", "B ftffffffff", "C fffff--fffff", "D bfffffffff", "E ffffffffff"]);
        assert_eq!(map["free"], 47);
        api.put(path, &json!({ "seats": ["A2", "D1"] })).await.expect(409);
        assert_eq!(seat_map(api, &showtime).await.1, rows, "a change is whole or not at all");

        api.delete(path).await.expect(204);
        assert_eq!(seat_map(api, &showtime).await.0["free"], 49);
        cinema.book(&cinema.user().await, &showtime, &["A1", "B2"]).await.expect(201);
    });
}

#[test]
fn the_seat_map_has_todays_prices_and_other_showtimes_have_their_own() {
    on_shared_cinema(async |cinema| {
        let (api, user) = (&cinema.api, cinema.user().await);
        let (movie, hall) = (cinema.movie().await, cinema.hall().await);
        let details = showtime(&movie, &hall);
        let evening = api.post("/api/showtimes", &details).await.expect(201);
        let matinee = with(details.clone(), "starts_at", samples::in_days(2));
        let matinee = api.post("/api/showtimes", &matinee).await.expect(201);
        cinema.book(&user, &evening.id(), &["A1"]).await.expect(201);
        let euros = |amount: u32| json!({ "amount": amount, "currency": "EUR" });
        let prices = json!({ "standard": euros(700), "premium": euros(800) });
        api.put(evening.header("location"), &with(details, "prices", prices)).await.expect(200);

        let (map, _) = seat_map(api, &evening.id()).await;
        assert_eq!((&place(&map, "A1")["state"], &place(&map, "A2")["price"]), (&json!("taken"), &euros(700)));
        let (map, _) = seat_map(api, &matinee.id()).await;
        assert_eq!((&place(&map, "A1")["state"], &place(&map, "A2")["price"]), (&json!("free"), &euros(1250)));
        cinema.book(&user, &matinee.id(), &["A1"]).await.expect(201);
    });
}

/// Waits until a booking is cancelled.
async fn is_cancelled(cinema: &Cinema, path: &str) -> Value {
    eventually("the booking is cancelled", async || {
        let booking = cinema.api.get(path).await.expect(200).body;
        (booking["status"] == "cancelled").then_some(booking)
    })
    .await
}

#[test]
fn a_cancelled_showtime_sells_nothing_and_its_bookings_are_cancelled() {
    on_shared_cinema(async |cinema| {
        let (api, user, showtime) = (&cinema.api, cinema.user().await, cinema.showtime().await);
        let (first, second) =
            tokio::join!(cinema.book(&user, &showtime, &["A1", "A2"]), cinema.book(&user, &showtime, &["A3"]),);
        let elsewhere = cinema.book(&user, &cinema.showtime().await, &["A1"]).await.expect(201);
        api.delete(&format!("/api/showtimes/{showtime}")).await.expect(204);

        cinema.book(&user, &showtime, &["B1"]).await.expect(409).expect_problem("showtime-cancelled");
        for booking in [first.expect(201), second.expect(201)] {
            let path = booking.header("location");
            let cancelled = is_cancelled(cinema, path).await;
            assert_eq!(cancelled["version"], 2);
            assert_eq!(cancelled["seats"], booking.body["seats"], "for the record");
            api.put(path, &json!({ "seats": ["B1"] })).await.expect(409).expect_problem("booking-cancelled");
            api.delete(path).await.expect(409).expect_problem("booking-cancelled");
        }
        let (map, rows) = seat_map(api, &showtime).await;
        assert_eq!(rows[0], "A bbbbbbbbbb");
        assert_eq!((&map["free"], &map["capacity"]), (&json!(0), &json!(0)));
        assert_eq!(api.get(elsewhere.header("location")).await.expect(200).body, elsewhere.body);
    });
}

#[test]
fn an_erased_users_bookings_are_cancelled_and_their_seats_are_free() {
    on_shared_cinema(async |cinema| {
        let (api, showtime) = (&cinema.api, cinema.showtime().await);
        let (erased, other) = (cinema.user().await, cinema.user().await);
        let theirs = cinema.book(&erased, &showtime, &["A1", "A2"]).await.expect(201);
        let elsewhere = cinema.book(&erased, &cinema.showtime().await, &["A1"]).await.expect(201);
        let anothers = cinema.book(&other, &showtime, &["A3"]).await.expect(201);
        api.delete(&format!("/api/users/{erased}")).await.expect(204);

        is_cancelled(cinema, theirs.header("location")).await;
        is_cancelled(cinema, elsewhere.header("location")).await;
        assert_eq!(api.get(anothers.header("location")).await.expect(200).body, anothers.body);
        assert_eq!(seat_map(api, &showtime).await.1[0], "A fftfffffff");
        cinema.book(&other, &showtime, &["A1"]).await.expect(201);
        let refused = cinema.book(&erased, &showtime, &["A2"]).await.expect(422).expect_problem("unknown-reference");
        assert_eq!(refused.errors(), [("user_id", "unknown")]);
        let listed = api.all(&format!("/api/bookings?user_id={erased}&status=cancelled")).await;
        assert_eq!(listed.len(), 2);
        assert!(theirs.body["user"].is_object() && listed.iter().all(|booking| booking.get("user").is_none()));
    });
}
