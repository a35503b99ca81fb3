//! Showtimes at the REST door.

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use system_tests::samples::{in_days, showtime, with, without};
use system_tests::{Cinema, on_shared_cinema, samples};
use uuid::Uuid;

fn euros(amount: u32) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// A new movie and a new hall.
async fn movie_and_hall(cinema: &Cinema) -> (String, String) {
    (cinema.movie().await, cinema.hall().await)
}

/// A time of the year after the next, such as `05-03T00:00:00Z`.
fn one_day(rest: &str) -> String {
    format!("{}-{rest}", Utc::now().year() + 2)
}

/// So many minutes after a time.
fn after(time: &str, minutes: i64) -> String {
    let time: DateTime<Utc> = time.parse().expect("a time");
    (time + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[test]
fn a_showtime_is_scheduled_read_changed_and_cancelled() {
    on_shared_cinema(async |cinema| {
        let (api, (movie, hall)) = (&cinema.api, movie_and_hall(cinema).await);
        let details = showtime(&movie, &hall);
        let added = api.post("/api/showtimes", &details).await.expect(201);
        let path = format!("/api/showtimes/{}", added.id());
        assert_eq!(added.header("location"), path);
        assert!(added.header("etag").starts_with("\"1-"), "{}", added.header("etag"));
        assert!(added.header("marquee-position").starts_with("movies="));
        for field in ["starts_at", "format", "language", "prices"] {
            assert_eq!(added.body[field], details[field], "{field}");
        }
        assert_eq!(added.body["movie"], json!({ "id": movie, "title": "Metropolis" }));
        assert_eq!(added.body["hall"]["id"], hall);
        assert!(added.body["hall"]["name"].as_str().unwrap().starts_with("Hall "));
        assert_eq!(added.body["ends_at"], after(details["starts_at"].as_str().unwrap(), 120));
        assert_eq!((&added.body["version"], &added.body["status"]), (&json!(1), &json!("scheduled")));
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&added.body, added.header("etag")));

        let prices = json!({ "standard": euros(900), "premium": euros(0) });
        let details = with(with(details, "starts_at", in_days(2)), "prices", prices.clone());
        let changed =
            api.put(&path, &with(with(details.clone(), "format", "35mm"), "language", "de")).await.expect(200);
        assert!(changed.header("etag").starts_with("\"2-"), "{}", changed.header("etag"));
        assert_eq!((&changed.body["prices"], &changed.body["format"]), (&prices, &json!("35mm")));
        assert_eq!(changed.body["ends_at"], after(details["starts_at"].as_str().unwrap(), 120));
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&changed.body, changed.header("etag")));

        assert_eq!(api.delete(&path).await.expect(204).body, Value::Null);
        let cancelled = api.get(&path).await.expect(200);
        assert_eq!(cancelled.body, with(with(changed.body, "version", 3), "status", "cancelled"));
        api.put(&path, &details).await.expect(409).expect_problem("showtime-cancelled");
        api.delete(&path).await.expect(409).expect_problem("showtime-cancelled");
        let nowhere = format!("/api/showtimes/{}", Uuid::now_v7());
        for answer in [
            api.get(&nowhere).await,
            api.put(&nowhere, &details).await,
            api.delete(&nowhere).await,
            api.get(&format!("{nowhere}/seats")).await,
        ] {
            answer.expect(404).expect_problem("not-found");
        }
    });
}

#[test]
fn what_is_wrong_with_a_showtime_is_named() {
    on_shared_cinema(async |cinema| {
        let (api, (movie, hall)) = (&cinema.api, movie_and_hall(cinema).await);
        let good = || showtime(&movie, &hall);
        let path = format!("/api/showtimes/{}", api.post("/api/showtimes", &good()).await.expect(201).id());
        let prices = |prices: Value| with(good(), "prices", prices);
        let wrong = [
            (with(good(), "starts_at", in_days(-1)), "starts_at"),
            (with(good(), "starts_at", in_days(4000)), "starts_at"),
            (with(good(), "starts_at", after(&in_days(1), 1)), "starts_at"),
            (with(good(), "starts_at", "tomorrow"), "starts_at"),
            (with(good(), "starts_at", "2030-01-31T20:00:00"), "starts_at"),
            (with(good(), "starts_at", "2030-01-31T20:00:00.5Z"), "starts_at"),
            (with(good(), "movie_id", "Metropolis"), "movie_id"),
            (with(good(), "format", ""), "format"),
            (with(good(), "language", "x".repeat(36)), "language"),
            (with(good(), "ends_at", in_days(2)), "ends_at"),
            (without(good(), "hall_id"), "."),
            (prices(json!({ "standard": euros(100_000_001), "premium": euros(1) })), "prices.standard.amount"),
            (prices(json!({ "standard": euros(10_000_001), "premium": euros(1) })), "prices.standard"),
            (prices(json!({ "standard": { "amount": 1, "currency": "eur" } })), "prices.standard.currency"),
            (prices(json!({ "standard": { "amount": 1.5, "currency": "EUR" } })), "prices.standard.amount"),
            (prices(json!({ "standard": { "amount": -1, "currency": "EUR" } })), "prices.standard.amount"),
        ];
        for (body, field) in wrong {
            api.post("/api/showtimes", &body).await.expect_invalid(field);
            api.put(&path, &body).await.expect_invalid(field);
        }
        let dollars = json!({ "amount": 1, "currency": "USD" });
        for (body, errors) in [
            (prices(json!({})), &[("prices.premium", "missing"), ("prices.standard", "missing")][..]),
            (prices(json!({ "standard": euros(1) })), &[("prices.premium", "missing")]),
            (
                prices(json!({ "standard": euros(1), "premium": euros(1), "box": euros(1) })),
                &[("prices.box", "unknown")],
            ),
            (prices(json!({ "standard": dollars, "premium": euros(1) })), &[("prices.standard", "mixed")]),
            (
                with(prices(json!({ "standard": euros(1) })), "starts_at", in_days(-1)),
                &[("starts_at", "invalid"), ("prices.premium", "missing")],
            ),
        ] {
            let refused = api.post("/api/showtimes", &body).await.expect(422).expect_problem("invalid-input");
            assert_eq!(refused.errors(), errors, "everything at once");
        }
        assert_eq!(api.get(&path).await.expect(200).body["version"], 1);
    });
}

#[test]
fn times_are_read_with_any_offset_and_shown_in_utc() {
    on_shared_cinema(async |cinema| {
        let (movie, hall) = movie_and_hall(cinema).await;
        let body = with(showtime(&movie, &hall), "starts_at", one_day("07-01T00:30:00+02:00"));
        let added = cinema.api.post("/api/showtimes", &body).await.expect(201);
        assert_eq!(added.body["starts_at"], one_day("06-30T22:30:00Z"));
        assert_eq!(cinema.api.get(added.header("location")).await.expect(200).body, added.body);
    });
}

#[test]
fn what_a_showtime_names_must_exist() {
    on_shared_cinema(async |cinema| {
        let (api, (movie, hall), nobody) = (&cinema.api, movie_and_hall(cinema).await, Uuid::now_v7().to_string());
        let (unknown_movie, unknown_hall) = (("movie_id", "unknown"), ("hall_id", "unknown"));
        for (body, errors) in [
            (showtime(&nobody, &hall), vec![unknown_movie]),
            (showtime(&movie, &nobody), vec![unknown_hall]),
            (showtime(&nobody, &nobody), vec![unknown_movie, unknown_hall]),
        ] {
            let refused = api.post("/api/showtimes", &body).await.expect(422).expect_problem("unknown-reference");
            assert_eq!(refused.errors(), errors);
        }
        api.delete(&format!("/api/movies/{movie}")).await.expect(204);
        let refused = api.post("/api/showtimes", &showtime(&movie, &hall)).await.expect(422);
        assert_eq!(refused.expect_problem("unknown-reference").errors(), [unknown_movie]);
    });
}

#[test]
fn a_hall_shows_one_film_at_a_time_and_is_cleaned_in_between() {
    on_shared_cinema(async |cinema| {
        let (api, (movie, hall), start) = (&cinema.api, movie_and_hall(cinema).await, in_days(1));
        let at = |minutes| with(showtime(&movie, &hall), "starts_at", after(&start, minutes));
        api.post("/api/showtimes", &at(0)).await.expect(201);
        // Two hours of film and a quarter of an hour for the broom, before and after.
        for minutes in [0, 5, 130, -130, -5] {
            let refused = api.post("/api/showtimes", &at(minutes)).await.expect(409).expect_problem("hall-occupied");
            assert_eq!(refused.errors(), [("starts_at", "occupied")], "{minutes}");
        }
        let next = api.post("/api/showtimes", &at(135)).await.expect(201).header("location").to_owned();
        api.post("/api/showtimes", &at(-135)).await.expect(201);
        api.put(&next, &at(130)).await.expect(409).expect_problem("hall-occupied");
        api.put(&next, &at(140)).await.expect(200);
        api.post("/api/showtimes", &at(270)).await.expect(409).expect_problem("hall-occupied");
        api.delete(&next).await.expect(204);
        api.post("/api/showtimes", &at(200)).await.expect(201);

        let elsewhere = with(at(0), "hall_id", cinema.hall().await);
        api.post("/api/showtimes", &elsewhere).await.expect(201);
    });
}

#[test]
fn a_showtime_keeps_its_movie_its_hall_and_its_currency() {
    on_shared_cinema(async |cinema| {
        let (api, (movie, hall)) = (&cinema.api, movie_and_hall(cinema).await);
        let details = showtime(&movie, &hall);
        let path = api.post("/api/showtimes", &details).await.expect(201).header("location").to_owned();
        let francs = |amount: u32| json!({ "amount": amount, "currency": "CHF" });
        for (body, errors) in [
            (with(details.clone(), "movie_id", cinema.movie().await), vec![("movie_id", "immutable")]),
            (with(details.clone(), "hall_id", cinema.hall().await), vec![("hall_id", "immutable")]),
            (with(details.clone(), "hall_id", Uuid::now_v7().to_string()), vec![("hall_id", "immutable")]),
            (
                with(details.clone(), "prices", json!({ "standard": francs(1), "premium": francs(1) })),
                vec![("prices.premium", "immutable"), ("prices.standard", "immutable")],
            ),
        ] {
            assert_eq!(api.put(&path, &body).await.expect(422).expect_problem("immutable").errors(), errors);
        }
        // A film that is longer now does not move those that are planned.
        let before = api.get(&path).await.expect(200).body;
        api.put(&format!("/api/movies/{movie}"), &with(samples::movie(), "runtime_minutes", 300)).await.expect(200);
        assert_eq!(api.get(&path).await.expect(200).body, before);
        assert_eq!(api.put(&path, &details).await.expect(200).body["ends_at"], before["ends_at"]);
    });
}

#[test]
fn showtimes_are_listed_by_start_and_found_by_movie_hall_and_day() {
    on_shared_cinema(async |cinema| {
        let (api, (movie, hall)) = (&cinema.api, movie_and_hall(cinema).await);
        let other_hall = cinema.hall().await;
        // Made in another order than they start in; two at the same time, and the last and first moment of a day.
        let mut made = Vec::new();
        for (hall, start) in [
            (&hall, "05-03T00:00:00Z"),
            (&hall, "05-01T10:00:00Z"),
            (&other_hall, "05-01T10:00:00Z"),
            (&hall, "05-02T18:00:00Z"),
            (&other_hall, "05-02T23:55:00Z"),
        ] {
            let body = with(showtime(&movie, hall), "starts_at", one_day(start));
            made.push(api.post("/api/showtimes", &body).await.expect(201).body);
        }
        let expected = [1, 2, 3, 4, 0].map(|index: usize| made[index].clone());
        let day = |day: &str| format!("date={}", one_day(day));
        let (second, fourth) = (day("05-02"), day("05-04"));
        for path in [format!("/api/showtimes?movie_id={movie}"), format!("/api/movies/{movie}/showtimes?")] {
            for limit in 1..=6 {
                let pages = api.pages(&format!("{path}&limit={limit}")).await;
                assert_eq!(pages.len(), 5_usize.div_ceil(limit));
                assert_eq!(pages.concat(), expected, "by start, then by age, whatever the page's size");
            }
            assert_eq!(api.all(&format!("{path}&hall_id={hall}")).await, [1, 3, 0].map(|index| made[index].clone()));
            assert_eq!(api.all(&format!("{path}&{second}")).await, [&made[3], &made[4]].map(Value::clone));
            assert_eq!(api.all(&format!("{path}&{second}&hall_id={hall}")).await, [made[3].clone()]);
            assert_eq!(api.all(&format!("{path}&{fourth}")).await, Vec::<Value>::new());
        }
        assert_eq!(api.all(&format!("/api/showtimes?hall_id={other_hall}")).await.len(), 2);
        let of_day = api.all(&format!("/api/showtimes?{}", day("05-01"))).await;
        assert_eq!(of_day, [made[1].clone(), made[2].clone()]);

        api.delete(&format!("/api/showtimes/{}", made[3]["id"].as_str().unwrap())).await.expect(204);
        let listed = api.all(&format!("/api/showtimes?movie_id={movie}")).await;
        assert_eq!((listed.len(), &listed[2]["status"]), (5, &json!("cancelled")), "cancelled ones too");

        for (query, field) in [
            ("date=1.5.2030", "date"),
            ("date=2031-02-29", "date"),
            ("movie_id=x", "movie_id"),
            ("hall_id=", "hall_id"),
            ("cursor=x", "cursor"),
            ("status=scheduled", "status"),
        ] {
            api.get(&format!("/api/showtimes?{query}")).await.expect_invalid(field);
        }
        let unknown = Uuid::now_v7();
        assert_eq!(api.all(&format!("/api/showtimes?movie_id={unknown}")).await, Vec::<Value>::new());
        api.get(&format!("/api/movies/{unknown}/showtimes")).await.expect(404).expect_problem("not-found");
        api.get(&format!("/api/movies/{movie}/showtimes?movie_id={movie}")).await.expect_invalid("movie_id");
    });
}
