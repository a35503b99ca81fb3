//! While other services are asked about a booking, it is written as they are expected to answer; what is committed is what
//! they have confirmed.

use contracts::{OutcomeStatus, Service};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use serde_json::{Value, json};
use system_tests::{Cinema, eventually, samples};
use uuid::Uuid;

/// How many bookings were made so, with this `result`.
async fn speculated(cinema: &Cinema, result: &str) -> f64 {
    let label = format!("result=\"{result}\"");
    cinema.figure("bookings", "marquee_commands_speculated_total", &[&label]).await
}

fn seats(row: char) -> Vec<String> {
    (1..=10).map(|number| format!("{row}{number}")).collect()
}

/// A showtime of which the bookings service knows all that it is told of this user's booking seats in row B.
async fn known(cinema: &Cinema, user: &str) -> (String, Value) {
    let (movie, hall) = (cinema.movie().await, cinema.hall().await);
    let details = samples::showtime(&movie, &hall);
    let other = samples::with(details.clone(), "starts_at", samples::in_days(2));
    let other = cinema.api.post("/api/showtimes", &other).await.expect(201).id();
    let row = seats('B');
    cinema.book(user, &other, &row.iter().map(String::as_str).collect::<Vec<_>>()).await.expect(201);
    let showtime = cinema.api.post("/api/showtimes", &details).await.expect(201).id();
    cinema.book(user, &showtime, &["A1"]).await.expect(201);
    (showtime, details)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_is_expected() {
    let cinema = Cinema::start().await;
    let user = cinema.user().await;
    let (showtime, _) = known(&cinema, &user).await;
    assert_eq!(speculated(&cinema, "confirmed").await, 0.0);
    for seat in &seats('B')[..9] {
        cinema.book(&user, &showtime, &[seat]).await.expect(201);
    }
    // An answer may be faster now and then, or too late; as a rule it is neither.
    assert!(speculated(&cinema, "confirmed").await > 4.0);
    assert!(speculated(&cinema, "again").await < 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_otherwise_counts() {
    let cinema = Cinema::start().await;
    let user = cinema.user().await;
    let (showtime, details) = known(&cinema, &user).await;
    let path = format!("/api/showtimes/{showtime}");
    for (amount, seat) in (2000..).zip(&seats('B')[..5]) {
        let prices = json!({ "standard": { "amount": amount, "currency": "EUR" }, "premium": { "amount": 3000, "currency": "EUR" } });
        cinema.api.put(&path, &samples::with(details.clone(), "prices", prices)).await.expect(200);
        let booking = cinema.book(&user, &showtime, &[seat]).await.expect(201).body;
        assert_eq!(booking["seats"][0]["price"]["amount"], amount, "{booking}");
    }
    assert!(speculated(&cinema, "again").await > 2.0);

    // Of somebody whom nothing is known of, it is expected that they are there.
    for seat in &seats('B')[5..9] {
        let nobody = Uuid::now_v7().to_string();
        for _ in 0..2 {
            cinema.book(&nobody, &showtime, &[seat]).await.expect(422).expect_problem("unknown-reference");
        }
    }
    cinema.api.delete(&path).await.expect(204);
    cinema.book(&user, &showtime, &["B10"]).await.expect(409).expect_problem("showtime-cancelled");
    // Bookings, and those that were cancelled.
    assert_eq!(cinema.broker().await.events(Service::Bookings, 7 + 6).await.len(), 7 + 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_committed_that_is_not_confirmed_and_the_store_is_not_held_up() {
    let mut cinema = Cinema::start().await;
    let user = cinema.user().await;
    let (showtime, _) = known(&cinema, &user).await;
    let broker = cinema.broker().await;
    broker.events(Service::Bookings, 2).await;
    cinema.freeze("users");
    let booking = json!({ "user_id": user, "showtime_id": showtime, "seats": ["B1"] });
    let (outcome, ()) = tokio::join!(broker.ask(Service::Bookings, "place", booking), async {
        eventually("a booking that is not confirmed", async || {
            (speculated(&cinema, "again").await > 0.0).then_some(())
        })
        .await;
        let mut store =
            AsyncMysqlConnection::establish(&cinema.database.urls()[&Service::Bookings]).await.expect("a store");
        store.batch_execute("SELECT position FROM journal_head FOR UPDATE NOWAIT").await.expect("a head that is free");
        assert_eq!(broker.last_sequence(Service::Bookings).await, 2);
        cinema.thaw("users");
    });
    assert_eq!(outcome.status, OutcomeStatus::Accepted, "{}", outcome.body);
    assert_eq!(broker.events(Service::Bookings, 3).await.len(), 3);
}
