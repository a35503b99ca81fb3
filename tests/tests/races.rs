//! Many at once: a seat is sold once, a booking is whole or not at all, and everyone reads what they wrote.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Service;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use system_tests::{Api, Cinema, on_shared_cinema, samples};

/// The ids of so many new users.
async fn users(cinema: &Cinema, count: usize) -> Vec<String> {
    stream::iter(0..count).map(|_| cinema.user()).buffer_unordered(32).collect().await
}

/// The seats that the map shows as taken.
async fn taken(api: &Api, showtime: &str) -> BTreeSet<String> {
    let map = api.get(&format!("/api/showtimes/{showtime}/seats")).await.expect(200).body;
    let rows = map["rows"].as_array().unwrap();
    let places = rows.iter().flat_map(|row| row["places"].as_array().unwrap());
    places.filter(|place| place["state"] == "taken").map(|place| place["seat"].as_str().unwrap().to_owned()).collect()
}

fn seats(booking: &Value) -> Vec<String> {
    booking["seats"].as_array().unwrap().iter().map(|seat| seat["seat"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn of_200_clients_for_one_seat_exactly_one_wins() {
    on_shared_cinema(async |cinema| {
        let (users, showtime) = tokio::join!(users(cinema, 200), cinema.showtime());
        let answers = join_all(users.iter().map(|user| cinema.book(user, &showtime, &["C3"]))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1);
        for answer in lost {
            let answer = answer.expect(409).expect_problem("seats-unavailable");
            assert_eq!(answer.body["errors"][0]["field"], "seats.C3");
            assert_eq!(answer.body["errors"][0]["reason"], "taken");
        }
        assert_eq!(taken(&cinema.api, &showtime).await, BTreeSet::from(["C3".to_owned()]));
        let bookings = cinema.api.get(&format!("/api/bookings?showtime_id={showtime}")).await.expect(200).body;
        assert_eq!(bookings["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn overlapping_sets_of_seats_are_sold_whole_and_once() {
    on_shared_cinema(async |cinema| {
        let (users, showtime) = tokio::join!(users(cinema, 120), cinema.showtime());
        // Sets of three that wrap around a row, so that every seat is in three of them.
        let sets = users.iter().enumerate().map(|(index, user)| {
            let row = ["A", "B"][index % 2];
            let set: Vec<String> = (0..3).map(|step| format!("{row}{}", (index / 2 + step * 3) % 10 + 1)).collect();
            (user, set)
        });
        let answers = join_all(sets.map(async |(user, set)| {
            let wanted: Vec<&str> = set.iter().map(String::as_str).collect();
            (set.clone(), cinema.book(user, &showtime, &wanted).await)
        }))
        .await;
        let mut sold: BTreeMap<String, usize> = BTreeMap::new();
        for (set, answer) in &answers {
            if answer.status != 201 {
                answer.clone().expect(409).expect_problem("seats-unavailable");
                continue;
            }
            let (mut got, mut wanted) = (seats(&answer.body), set.clone());
            got.sort();
            wanted.sort();
            assert_eq!(got, wanted, "all or nothing");
            got.into_iter().for_each(|seat| *sold.entry(seat).or_default() += 1);
        }
        assert!(sold.len() >= 12, "{sold:?}");
        assert!(sold.values().all(|times| *times == 1), "{sold:?}");
        assert_eq!(taken(&cinema.api, &showtime).await, sold.into_keys().collect());
    });
}

#[test]
fn changes_and_cancellations_race_without_losing_a_seat() {
    on_shared_cinema(async |cinema| {
        let (users, showtime) = tokio::join!(users(cinema, 20), cinema.showtime());
        let bookings = join_all(users.iter().enumerate().map(async |(index, user)| {
            let seat = format!("{}{}", ["A", "B"][index / 10], index % 10 + 1);
            cinema.book(user, &showtime, &[&seat]).await.expect(201).id()
        }))
        .await;
        join_all(bookings.iter().enumerate().map(async |(index, booking)| {
            let path = format!("/api/bookings/{booking}");
            if index % 4 == 0 {
                cinema.api.delete(&path).await.expect(204);
            } else {
                // Five of them want each of these seats.
                let wanted = json!({ "seats": [format!("E{}", index % 4), format!("E{}", index % 4 + 4)] });
                cinema.api.put(&path, &wanted).await;
            }
        }))
        .await;
        let list = cinema.api.get(&format!("/api/bookings?showtime_id={showtime}&status=confirmed")).await.body;
        let held: Vec<String> = list["items"].as_array().unwrap().iter().flat_map(seats).collect();
        let distinct: BTreeSet<String> = held.iter().cloned().collect();
        assert_eq!(held.len(), distinct.len(), "a seat is held twice: {held:?}");
        assert_eq!(distinct, taken(&cinema.api, &showtime).await);
        for seat in ["E1", "E5", "E2", "E6", "E3", "E7"] {
            assert!(distinct.contains(seat), "one of five got {seat}: {distinct:?}");
        }
    });
}

#[test]
fn one_address_is_registered_once_whoever_is_first() {
    on_shared_cinema(async |cinema| {
        let user = samples::user();
        let answers = join_all((0..50).map(|_| cinema.api.post("/api/users", &user))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1);
        lost.into_iter().for_each(|answer| drop(answer.expect(409).expect_problem("email-taken")));
    });
}

#[test]
fn one_hall_shows_one_film_at_a_time_whoever_is_first() {
    on_shared_cinema(async |cinema| {
        let (movie, hall) = tokio::join!(cinema.movie(), cinema.hall());
        let showtime = samples::showtime(&movie, &hall);
        let answers = join_all((0..20).map(|_| cinema.api.post("/api/showtimes", &showtime))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1);
        lost.into_iter().for_each(|answer| drop(answer.expect(409).expect_problem("hall-occupied")));
    });
}

#[test]
fn a_thousand_times_what_was_created_is_found_at_once() {
    on_shared_cinema(async |cinema| {
        let created = stream::iter(0..1000).map(async |_| {
            let user = samples::user();
            let answer = cinema.api.post("/api/users", &user).await.expect(201);
            let found = cinema.api.get(answer.header("location")).await.expect(200);
            assert_eq!(found.body["email"], user["email"]);
        });
        created.buffer_unordered(16).collect::<Vec<()>>().await;
    });
}

#[test]
fn what_was_written_through_one_gateway_is_read_through_another_by_its_position() {
    on_shared_cinema(async |cinema| {
        // Positions are remembered by caller; who asks the service itself has to name them.
        let broker = cinema.broker().await;
        for _ in 0..50 {
            let answer = cinema.api.post("/api/users", &samples::user()).await.expect(201);
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Marquee-Min-Position", answer.header("marquee-position"));
            let question = json!({ "id": answer.id() }).to_string().into();
            let subject = Service::Users.query("user");
            let reply = broker.client.request_with_headers(subject, headers, question).await.unwrap();
            let user: Value = serde_json::from_slice(&reply.payload).unwrap();
            assert_eq!(user["id"], answer.id());
        }
    });
}
