//! Other services are asked about bookings, unless what they said still holds; whatever changes, counts at once.

use contracts::{OutcomeStatus, Service};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use serde_json::{Value, json};
use system_tests::{Cinema, eventually, samples};
use uuid::Uuid;

fn seats(row: char) -> Vec<String> {
    (1..=10).map(|number| format!("{row}{number}")).collect()
}

/// How often it was known what this service says, as `way` has it.
async fn facts(cinema: &Cinema, service: &str, way: &str) -> f64 {
    let labels = [format!("service=\"{service}\""), format!("way=\"{way}\"")];
    cinema.figure("bookings", "marquee_facts_total", &labels.each_ref().map(String::as_str)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_is_not_asked_again() {
    let cinema = Cinema::start().await;
    let (showtime, row) = (cinema.showtime().await, seats('A'));
    let users = [cinema.user().await, cinema.user().await, cinema.user().await, cinema.user().await];
    let book = async |user: &str| {
        for seat in &row {
            let booked = cinema.book(user, &showtime, &[seat]).await;
            assert!([201, 409].contains(&booked.status), "{}", booked.body);
        }
    };
    let [first, second, third, fourth] = &users;
    eventually("bookings about which nobody had to be asked", async || {
        tokio::join!(book(first), book(second), book(third), book(fourth));
        (facts(&cinema, "users", "held").await > 0.0 && facts(&cinema, "movies", "held").await > 0.0).then_some(())
    })
    .await;
    assert!(facts(&cinema, "users", "asked").await > 0.0, "nothing is known at first");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_counts_at_once() {
    let cinema = Cinema::start().await;
    let user = cinema.user().await;
    let details = samples::showtime(&cinema.movie().await, &cinema.hall().await);
    let showtime = cinema.api.post("/api/showtimes", &details).await.expect(201).id();
    let path = format!("/api/showtimes/{showtime}");
    for (amount, seat) in (2000..).zip(&seats('B')[..5]) {
        let prices = json!({ "standard": { "amount": amount, "currency": "EUR" }, "premium": { "amount": 3000, "currency": "EUR" } });
        cinema.api.put(&path, &samples::with(details.clone(), "prices", prices)).await.expect(200);
        let booking = cinema.book(&user, &showtime, &[seat]).await.expect(201).body;
        assert_eq!(booking["seats"][0]["price"]["amount"], amount, "{booking}");
    }
    for seat in &seats('B')[5..9] {
        let nobody = Uuid::now_v7().to_string();
        cinema.book(&nobody, &showtime, &[seat]).await.expect(422).expect_problem("unknown-reference");
        let somebody = cinema.user().await;
        cinema.book(&somebody, &showtime, &[seat]).await.expect(201);
        cinema.api.delete(&format!("/api/users/{somebody}")).await.expect(204);
        cinema.book(&somebody, &showtime, &["B10"]).await.expect(422).expect_problem("unknown-reference");
    }
    cinema.api.delete(&path).await.expect(204);
    cinema.book(&user, &showtime, &["B10"]).await.expect(409).expect_problem("showtime-cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hall_that_is_too_large_to_be_told_is_asked_about_each_time() {
    let cinema = Cinema::start().await;
    let seat = |category: &str| json!({ "kind": "seats", "count": 1, "category": category });
    let runs: Vec<Value> = ["standard", "premium"].repeat(10).into_iter().map(seat).collect();
    let labels = ["A", "B", "C"].map(|first| ('A'..='Z').map(move |second| format!("{first}{second}")));
    let rows = labels.into_iter().flatten().map(|label| json!({ "label": label, "runs": runs }));
    let rows: Vec<Value> = rows.collect();
    let hall = json!({ "name": "Large", "layout": { "rows": rows } });
    let hall = cinema.api.post("/api/halls", &hall).await.expect(201).id();
    let details = samples::showtime(&cinema.movie().await, &hall);
    let showtime = cinema.api.post("/api/showtimes", &details).await.expect(201).id();
    let user = cinema.user().await;
    for seat in ["AA1", "AA2", "CZ19", "CZ20"] {
        let booking = cinema.book(&user, &showtime, &[seat]).await.expect(201).body;
        let number: u32 = seat[2..].parse().expect("a number");
        let category = if number % 2 == 1 { "standard" } else { "premium" };
        assert_eq!(booking["seats"][0]["category"], category, "{booking}");
    }
    assert_eq!(facts(&cinema, "movies", "held").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_booked_that_is_not_known_and_the_store_is_not_held_up() {
    let mut cinema = Cinema::start().await;
    let (showtime, known) = (cinema.showtime().await, cinema.user().await);
    cinema.book(&known, &showtime, &["A1"]).await.expect(201);
    let (user, broker) = (cinema.user().await, cinema.broker().await);
    broker.events(Service::Bookings, 1).await;
    cinema.freeze("users");
    let booking: Value = json!({ "user_id": user, "showtime_id": showtime, "seats": ["B1"] });
    let (outcome, ()) = tokio::join!(broker.ask(Service::Bookings, "place", booking), async {
        let later = ["command=\"place\"", "result=\"later\""];
        eventually("a booking that has to wait", async || {
            (cinema.figure("bookings", "marquee_command_seconds_count", &later).await > 0.0).then_some(())
        })
        .await;
        let mut store =
            AsyncMysqlConnection::establish(&cinema.database.urls()[&Service::Bookings]).await.expect("a store");
        store.batch_execute("SELECT position FROM journal_head FOR UPDATE NOWAIT").await.expect("a head that is free");
        assert_eq!(broker.last_sequence(Service::Bookings).await, 1);
        cinema.thaw("users");
    });
    assert_eq!(outcome.status, OutcomeStatus::Accepted, "{}", outcome.body);
    assert_eq!(broker.events(Service::Bookings, 2).await.len(), 2);
}
