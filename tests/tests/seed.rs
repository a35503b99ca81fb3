//! `marquee seed`: fills the cinema once, whatever the number of runs, and makes the examples work.

use async_nats::jetstream;
use contracts::Service;
use gateway::examples;
use serde_json::json;
use system_tests::{Cinema, eventually};

#[tokio::test]
async fn fills_the_cinema_and_a_second_run_changes_nothing() {
    let cinema = Cinema::start().await;
    let first = cinema.seed().await;
    let api = &cinema.api;
    let (movies, halls, users) =
        (api.all("/api/movies").await, api.all("/api/halls").await, api.all("/api/users").await);
    let (showtimes, bookings) = (api.all("/api/showtimes").await, api.all("/api/bookings").await);
    assert_eq!((movies.len(), halls.len(), users.len(), showtimes.len()), (51, 4, 25, 126));
    assert!(bookings.len() >= 300, "{}", bookings.len());
    assert!(first.contains(&format!("{} bookings", bookings.len())), "{first}");

    let before = positions(&cinema, |_| true).await;
    assert_eq!(cinema.seed().await, first);
    assert_eq!(positions(&cinema, |_| true).await, before, "nothing has happened");

    let booking = json!({ "user_id": examples::user(1), "showtime_id": examples::showtime(1), "seats": ["A1", "A2"] });
    let booking = api.post("/api/bookings", &booking).await.expect(201);
    assert_eq!(booking.body["movie"]["title"], "Blade Runner");
    // The relay brought this event, so it had brought all there was before.
    positions(&cinema, |now| now[2] == before[2] + 1).await;
}

/// The last sequences of the event streams, once they are as expected.
async fn positions(cinema: &Cinema, expected: impl Fn(&[u64]) -> bool) -> Vec<u64> {
    let jetstream = jetstream::new(cinema.broker().await.client);
    eventually("events", async || {
        let mut positions = Vec::new();
        for service in Service::ALL {
            let stream = jetstream.get_stream(service.events_stream()).await.ok()?;
            positions.push(stream.cached_info().state.last_sequence);
        }
        expected(&positions).then_some(positions)
    })
    .await
}
