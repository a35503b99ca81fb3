//! Answers that the gateway keeps: what many read is asked for once, and nobody reads what they know to be over.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use system_tests::samples::{self, with};
use system_tests::{Api, Cinema, eventually, on_shared_cinema};

/// How often a service was asked this.
async fn questions(cinema: &Cinema, service: &str, query: &str) -> f64 {
    let subject = format!("subject=\"cinema.qry.{service}.{query}\"");
    cinema.figure(service, "marquee_question_seconds_count", &[&subject]).await
}

async fn free(api: &Api, path: &str) -> Value {
    api.get(path).await.expect(200).body["free"].take()
}

#[tokio::test]
async fn what_many_read_is_asked_for_once_until_something_happens() {
    let cinema = Cinema::start().await;
    let (user, other) = (cinema.user().await, cinema.user().await);
    let (showtime, seats) = cinema.seats().await;
    let booking = cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    let one = booking.header("location");
    let anybody = cinema.api.anonymous();
    // Until the gateway has heard of it, whoever knows of it asks.
    eventually("the booking in the gateway's stream", async || {
        free(&cinema.api, &seats).await;
        let before = questions(&cinema, "bookings", "seats").await;
        free(&cinema.api, &seats).await;
        (questions(&cinema, "bookings", "seats").await == before).then_some(())
    })
    .await;

    for (path, service, query, api) in [
        (seats.as_str(), "bookings", "seats", &anybody),
        (one, "bookings", "booking", &cinema.api),
        ("/api/showtimes", "movies", "showtimes", &anybody),
        ("/api/movies?limit=3", "movies", "movies", &anybody),
        (&format!("/api/showtimes/{showtime}"), "movies", "showtime", &anybody),
    ] {
        let first = api.get(path).await.expect(200);
        let before = questions(&cinema, service, query).await;
        assert!(before > 0.0, "{path} is not {query}");
        let answers = join_all((0..50).map(|_| api.get(path))).await;
        assert!(answers.iter().all(|answer| answer.body == first.body && answer.status == 200), "{path}");
        let tags: BTreeSet<_> = answers.iter().map(|answer| answer.headers.get("etag")).collect();
        assert_eq!(tags, [first.headers.get("etag")].into(), "{path}");
        assert_eq!(questions(&cinema, service, query).await, before, "{path}");
    }

    // Another showtime's bookings change nothing here; its own do, for everybody.
    let elsewhere = cinema.showtime().await;
    assert_eq!(free(&anybody, &seats).await, 48);
    cinema.book(&other, &elsewhere, &["A1"]).await.expect(201);
    assert_eq!(free(&cinema.api, &seats).await, 48);
    cinema.book(&other, &showtime, &["A2"]).await.expect(201);
    assert_eq!(free(&cinema.api, &seats).await, 47, "their own write");
    eventually("the booking, for everybody", async || (free(&anybody, &seats).await == 47).then_some(())).await;
}

/// All of them together would fill the cache twice.
#[tokio::test]
async fn answers_are_kept_again_after_each_of_many_changes() {
    const MOVIES: usize = 12;
    const CHANGES: usize = 12;
    let cinema = Cinema::start().await;
    let anybody = cinema.api.anonymous();
    let long = with(samples::movie(), "synopsis", "Metropolis ".repeat(180));
    let read_all = async || {
        for limit in 1..=MOVIES {
            let page = anybody.get(&format!("/api/movies?limit={limit}")).await.expect(200).body;
            assert_eq!(page["items"].as_array().unwrap().len(), limit);
        }
        questions(&cinema, "movies", "movies").await
    };
    join_all((0..MOVIES).map(|_| cinema.api.post("/api/movies", &long))).await;
    for change in 1..=CHANGES {
        cinema.movie().await;
        eventually("the movie, for everybody", async || {
            let all = anybody.get("/api/movies?limit=200").await.expect(200).body;
            (all["items"].as_array().unwrap().len() == MOVIES + change).then_some(())
        })
        .await;
        let before = questions(&cinema, "movies", "movies").await;
        let first = read_all().await;
        assert_eq!(first - before, MOVIES as f64, "all may have changed");
        assert_eq!(read_all().await, first);
    }
}

#[tokio::test]
async fn who_was_told_of_a_change_by_one_gateway_reads_it_from_the_other() {
    let mut cinema = Cinema::start().await;
    let second = cinema.add_gateway("gateway-2").await;
    let user = cinema.user().await;
    let (showtime, seats) = cinema.seats().await;
    for (number, left) in (1..=9).zip((40..49).rev()) {
        // Whatever it keeps now is over with the next booking.
        free(&second, &seats).await;
        let booked = cinema.book(&user, &showtime, &[&format!("A{number}")]).await.expect(201);
        let request = second.request(reqwest::Method::GET, &seats);
        let position = booked.header("marquee-position");
        let read = second.anonymous().send(request.header("marquee-min-position", position)).await.expect(200);
        assert_eq!(read.body["free"], left);
        let path = booked.header("location");
        cinema.api.put(path, &json!({ "seats": ["E1"] })).await.expect(200);
        assert_eq!(cinema.api.get(path).await.expect(200).body["seats"][0]["seat"], "E1");
        let back = cinema.api.put(path, &json!({ "seats": [format!("A{number}")] })).await.expect(200);
        let request = second.request(reqwest::Method::GET, path);
        let read =
            second.send(request.header("marquee-min-position", back.header("marquee-position"))).await.expect(200);
        assert_eq!(read.body, back.body);
    }
}

#[test]
fn a_booking_is_shown_with_the_name_that_its_user_has_now() {
    on_shared_cinema(async |cinema| {
        let somebody = cinema.customer().await;
        let showtime = cinema.showtime().await;
        let order = |seat| json!({ "user_id": somebody.id, "showtime_id": showtime, "seats": [seat] });
        let booked = somebody.api.post("/api/bookings", &order("A1")).await.expect(201);
        let path = booked.header("location");
        let user = format!("/api/users/{}", somebody.id);
        for (name, seat) in [("Ada King", "A2"), ("Ada Lovelace", "A3")] {
            let known = somebody.api.get(&user).await.expect(200).body;
            let wanted = json!({ "username": known["username"], "email": known["email"], "full_name": name });
            somebody.api.put(&user, &wanted).await.expect(200);
            let first = somebody.api.get(path).await.expect(200).body;
            assert_eq!(first["user"]["full_name"], name);
            assert_eq!(somebody.api.get(path).await.expect(200).body, first);
            let made = somebody.api.post("/api/bookings", &order(seat)).await.expect(201).body;
            assert_eq!(made["user"], first["user"]);
        }
    });
}
