//! Bookings at the REST door: what one user does.

use serde_json::{Value, json};
use system_tests::samples::{in_days, showtime, with, without};
use system_tests::{Cinema, on_shared_cinema};
use uuid::Uuid;

fn euros(amount: u32) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

fn standard(seat: &str, price: u32) -> Value {
    json!({ "seat": seat, "category": "standard", "price": euros(price) })
}

fn premium(seat: &str, price: u32) -> Value {
    json!({ "seat": seat, "category": "premium", "price": euros(price) })
}

/// A new user and a new showtime.
async fn user_and_showtime(cinema: &Cinema) -> (String, String) {
    (cinema.user().await, cinema.showtime().await)
}

fn order(user: &str, showtime: &str, seats: &[&str]) -> Value {
    json!({ "user_id": user, "showtime_id": showtime, "seats": seats })
}

#[test]
fn a_booking_is_made_read_changed_and_cancelled() {
    on_shared_cinema(async |cinema| {
        let (api, (user, showtime)) = (&cinema.api, user_and_showtime(cinema).await);
        let made = cinema.book(&user, &showtime, &["E1", "A2", "A10"]).await.expect(201);
        let path = format!("/api/bookings/{}", made.id());
        assert_eq!(made.header("location"), path);
        assert!(made.header("etag").starts_with("\"1-"), "{}", made.header("etag"));
        assert!(made.header("marquee-position").starts_with("bookings="));
        let shown = api.get(&format!("/api/showtimes/{showtime}")).await.expect(200).body;
        assert_eq!(made.body["user_id"], user);
        let named = api.get(&format!("/api/users/{user}")).await.expect(200).body;
        let names = json!({ "id": user, "username": named["username"], "full_name": named["full_name"] });
        assert_eq!(made.body["user"], names);
        assert_eq!(made.body["movie"], shown["movie"]);
        let its_showtime = json!({ "id": showtime, "starts_at": shown["starts_at"], "hall": shown["hall"] });
        assert_eq!(made.body["showtime"], its_showtime);
        assert_eq!(made.body["seats"], json!([standard("A2", 1250), standard("A10", 1250), premium("E1", 1650)]));
        assert_eq!((&made.body["total"], &made.body["status"]), (&euros(4150), &json!("confirmed")));
        assert_eq!((&made.body["version"], &made.body["updated_at"]), (&json!(1), &made.body["created_at"]));
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&made.body, made.header("etag")));

        let changed = api.put(&path, &json!({ "seats": ["A3", "A2"] })).await.expect(200);
        assert!(changed.header("etag").starts_with("\"2-"), "{}", changed.header("etag"));
        assert!(changed.header("marquee-position").starts_with("bookings="));
        assert_eq!(changed.body["seats"], json!([standard("A2", 1250), standard("A3", 1250)]));
        assert_eq!((&changed.body["total"], &changed.body["version"]), (&euros(2500), &json!(2)));
        assert_eq!(changed.body["created_at"], made.body["created_at"]);
        assert!(changed.body["updated_at"].as_str() > made.body["updated_at"].as_str());
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&changed.body, changed.header("etag")));

        let cancelled = api.delete(&path).await.expect(204);
        assert_eq!(cancelled.body, Value::Null);
        assert!(cancelled.header("marquee-position").starts_with("bookings="));
        let found = api.get(&path).await.expect(200).body;
        assert_eq!((&found["status"], &found["version"]), (&json!("cancelled"), &json!(3)));
        assert_eq!(found["seats"], changed.body["seats"], "for the record");
        api.put(&path, &json!({ "seats": ["A5"] })).await.expect(409).expect_problem("booking-cancelled");
        api.delete(&path).await.expect(409).expect_problem("booking-cancelled");
        let nowhere = format!("/api/bookings/{}", Uuid::now_v7());
        api.get(&nowhere).await.expect(404).expect_problem("not-found");
        api.put(&nowhere, &json!({ "seats": ["A5"] })).await.expect(404).expect_problem("not-found");
        api.delete(&nowhere).await.expect(404).expect_problem("not-found");
    });
}

#[test]
fn what_is_wrong_with_a_booking_is_named() {
    on_shared_cinema(async |cinema| {
        let (api, (user, showtime)) = (&cinema.api, user_and_showtime(cinema).await);
        let path = format!("/api/bookings/{}", cinema.book(&user, &showtime, &["A1"]).await.expect(201).id());
        let good = || order(&user, &showtime, &["A2"]);
        let eleven: Vec<String> = (1..=11).map(|number| format!("A{number}")).collect();
        for (seats, field) in [
            (json!([]), "seats"),
            (json!(eleven), "seats"),
            (json!(["A1", "A1"]), "seats"),
            (json!("A1"), "seats"),
            (json!(["A1", "1A"]), "seats[1]"),
            (json!(["a1"]), "seats[0]"),
            (json!(["A0"]), "seats[0]"),
            (json!([7]), "seats[0]"),
        ] {
            api.post("/api/bookings", &with(good(), "seats", seats.clone())).await.expect_invalid(field);
            api.put(&path, &json!({ "seats": seats })).await.expect_invalid(field);
        }
        for (body, field) in [
            (with(good(), "user_id", "ada"), "user_id"),
            (with(good(), "showtime_id", Value::Null), "showtime_id"),
            (with(good(), "price", 1), "price"),
            (with(good(), "id", Uuid::now_v7().to_string()), "id"),
            (without(good(), "user_id"), "."),
            (without(good(), "seats"), "."),
        ] {
            api.post("/api/bookings", &body).await.expect_invalid(field);
        }
        api.put(&path, &json!({ "seats": ["A2"], "user_id": user })).await.expect_invalid("user_id");
        api.put(&path, &json!({})).await.expect_invalid(".");
        assert_eq!(api.get(&path).await.expect(200).body["version"], 1);
    });
}

#[test]
fn whom_and_what_a_booking_names_must_exist() {
    on_shared_cinema(async |cinema| {
        let ((user, showtime), nobody) = (user_and_showtime(cinema).await, Uuid::now_v7().to_string());
        let erased = cinema.user().await;
        cinema.api.delete(&format!("/api/users/{erased}")).await.expect(204);
        let (unknown_user, unknown_showtime) = (("user_id", "unknown"), ("showtime_id", "unknown"));
        for (user, showtime, errors) in [
            (&nobody, &showtime, vec![unknown_user]),
            (&erased, &showtime, vec![unknown_user]),
            (&user, &nobody, vec![unknown_showtime]),
            (&nobody, &nobody, vec![unknown_user, unknown_showtime]),
        ] {
            let refused = cinema.book(user, showtime, &["A1"]).await.expect(422).expect_problem("unknown-reference");
            assert_eq!(refused.errors(), errors);
        }
    });
}

#[test]
fn each_seat_that_cannot_be_had_is_named_with_the_reason() {
    on_shared_cinema(async |cinema| {
        let (api, (user, showtime)) = (&cinema.api, user_and_showtime(cinema).await);
        cinema.book(&user, &showtime, &["A1", "A2"]).await.expect(201);
        let other = cinema.user().await;
        let wanted = ["Z1", "A1", "A3", "D1", "C11"];
        let errors =
            [("seats.A1", "taken"), ("seats.C11", "unknown"), ("seats.D1", "blocked"), ("seats.Z1", "unknown")];
        let refused = cinema.book(&other, &showtime, &wanted).await.expect(409).expect_problem("seats-unavailable");
        assert_eq!(refused.errors(), errors);
        assert_eq!(refused.body["detail"], "4 of 5 seats cannot be booked");

        // The same for a change, and of that nothing happens.
        let booking = cinema.book(&other, &showtime, &["B1", "B2"]).await.expect(201);
        let path = booking.header("location");
        let refused = api.put(path, &json!({ "seats": wanted })).await.expect(409).expect_problem("seats-unavailable");
        assert_eq!(refused.errors(), errors);
        let refused = api.put(path, &json!({ "seats": ["B1", "B3", "A2"] })).await.expect(409);
        assert_eq!(refused.expect_problem("seats-unavailable").errors(), [("seats.A2", "taken")]);
        assert_eq!(api.get(path).await.expect(200).body, booking.body);
        cinema.book(&user, &showtime, &["A3", "B3"]).await.expect(201);
        cinema.book(&user, &showtime, &["B2"]).await.expect(409).expect_problem("seats-unavailable");
    });
}

#[test]
fn a_user_has_ten_seats_of_a_showtime_at_most() {
    on_shared_cinema(async |cinema| {
        let (api, (user, showtime)) = (&cinema.api, user_and_showtime(cinema).await);
        let first = cinema.book(&user, &showtime, &["A1", "A2", "A3", "A4", "A5", "A6"]).await.expect(201);
        let second = cinema.book(&user, &showtime, &["B1", "B2", "B3"]).await.expect(201);
        cinema.book(&user, &showtime, &["B5", "B6"]).await.expect(409).expect_problem("too-many-seats");
        let more = json!({ "seats": ["B1", "B2", "B3", "B4", "B5"] });
        api.put(second.header("location"), &more).await.expect(409).expect_problem("too-many-seats");
        let four = json!({ "seats": ["C1", "C2", "C3", "C4"] });
        api.put(second.header("location"), &four).await.expect(200);
        cinema.book(&user, &showtime, &["B5"]).await.expect(409).expect_problem("too-many-seats");
        api.delete(first.header("location")).await.expect(204);
        cinema.book(&user, &showtime, &["B1", "B2", "B3", "B4", "B5", "B6"]).await.expect(201);
        // It is a matter of each showtime and of each user.
        cinema.book(&user, &cinema.showtime().await, &["A1"]).await.expect(201);
        cinema.book(&cinema.user().await, &showtime, &["A1"]).await.expect(201);
    });
}

#[test]
fn seats_that_are_kept_cost_what_they_were_sold_for() {
    on_shared_cinema(async |cinema| {
        let (api, user) = (&cinema.api, cinema.user().await);
        let details = showtime(&cinema.movie().await, &cinema.hall().await);
        let shown = api.post("/api/showtimes", &details).await.expect(201);
        let showtime = shown.id();
        let booking = cinema.book(&user, &showtime, &["A1", "E1"]).await.expect(201);
        let path = booking.header("location");
        let dearer = json!({ "standard": euros(2000), "premium": euros(2500) });
        let later = with(with(details, "prices", dearer), "starts_at", in_days(3));
        api.put(shown.header("location"), &later).await.expect(200);

        let found = api.get(path).await.expect(200);
        assert_eq!(found.body["total"], euros(2900));
        assert_eq!(found.body["showtime"]["starts_at"], later["starts_at"]);
        assert_ne!(found.header("etag"), booking.header("etag"), "it looks different now");
        let changed = api.put(path, &json!({ "seats": ["A1", "A2", "E2"] })).await.expect(200).body;
        assert_eq!(changed["seats"], json!([standard("A1", 1250), standard("A2", 2000), premium("E2", 2500)]));
        assert_eq!(changed["total"], euros(5750));
        // What was given back is sold at today's price.
        let again = api.put(path, &json!({ "seats": ["E1"] })).await.expect(200).body;
        assert_eq!(again["seats"], json!([premium("E1", 2500)]));
    });
}

#[test]
fn bookings_are_listed_by_age_and_found_by_user_showtime_and_status() {
    on_shared_cinema(async |cinema| {
        let (api, (user, showtime)) = (&cinema.api, user_and_showtime(cinema).await);
        let (other_user, other_showtime) = user_and_showtime(cinema).await;
        let mut made = Vec::new();
        for (user, showtime, seat) in [
            (&user, &showtime, "A1"),
            (&user, &other_showtime, "A1"),
            (&other_user, &showtime, "A2"),
            (&user, &showtime, "A3"),
            (&user, &showtime, "A4"),
        ] {
            made.push(cinema.book(user, showtime, &[seat]).await.expect(201).id());
        }
        api.delete(&format!("/api/bookings/{}", made[3])).await.expect(204);
        let expect = async |path: &str, expected: &[usize]| {
            let expected: Vec<&str> = expected.iter().map(|index| made[*index].as_str()).collect();
            for limit in [1, 2, 4, 200] {
                let sign = if path.contains('?') { '&' } else { '?' };
                let pages = api.pages(&format!("{path}{sign}limit={limit}")).await;
                assert_eq!(pages.len(), expected.len().div_ceil(limit).max(1), "{path}");
                let found: Vec<&str> = pages.iter().flatten().map(|booking| booking["id"].as_str().unwrap()).collect();
                assert_eq!(found, expected, "{path}");
            }
        };
        for mine in [format!("/api/users/{user}/bookings?"), format!("/api/bookings?user_id={user}")] {
            expect(&mine, &[0, 1, 3, 4]).await;
            expect(&format!("{mine}&showtime_id={showtime}"), &[0, 3, 4]).await;
            expect(&format!("{mine}&status=confirmed"), &[0, 1, 4]).await;
            expect(&format!("{mine}&showtime_id={showtime}&status=cancelled"), &[3]).await;
        }
        expect(&format!("/api/bookings?showtime_id={showtime}"), &[0, 2, 3, 4]).await;
        expect(&format!("/api/bookings?showtime_id={}", Uuid::now_v7()), &[]).await;
        let listed = api.all(&format!("/api/users/{user}/bookings?status=cancelled")).await;
        assert_eq!(listed, [api.get(&format!("/api/bookings/{}", made[3])).await.expect(200).body]);

        for (path, field) in [
            ("/api/bookings?status=paid".to_owned(), "status"),
            ("/api/bookings?user_id=ada".to_owned(), "user_id"),
            ("/api/bookings?cursor=%20".to_owned(), "cursor"),
            ("/api/bookings?seat=A1".to_owned(), "seat"),
            (format!("/api/users/{user}/bookings?user_id={user}"), "user_id"),
        ] {
            api.get(&path).await.expect_invalid(field);
        }
        api.get(&format!("/api/users/{}/bookings", Uuid::now_v7())).await.expect(404).expect_problem("not-found");
    });
}
