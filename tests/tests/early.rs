//! Commands are decided when they are heard, while the broker makes them durable.

use async_nats::HeaderMap;
use async_nats::jetstream;
use contracts::subjects::headers;
use contracts::{Case, Outcome, OutcomeStatus, Service};
use futures_util::future::join_all;
use serde_json::{Value, json};
use system_tests::samples::place;
use system_tests::{Broker, Cinema, NatsUser, eventually, samples};
use tokio::sync::watch;
use uuid::Uuid;

/// A batch of commands to book.
fn batch(commands: &[(Uuid, Value)]) -> Vec<u8> {
    let one = |(id, data): &(Uuid, Value)| samples::batched(*id, "place", data);
    json!(commands.iter().map(one).collect::<Vec<Value>>()).to_string().into_bytes()
}

/// Publishes it as a gateway does, and tells whether the broker took it.
async fn publish(broker: &Broker, payload: Vec<u8>, expected: Option<&str>) -> bool {
    let mut with = HeaderMap::new();
    with.insert(headers::MESSAGE_ID, Uuid::now_v7().to_string());
    if let Some(expected) = expected {
        with.insert("Nats-Expected-Last-Sequence", expected);
    }
    let jetstream = jetstream::new(broker.client.clone());
    let subject = Service::Bookings.command("batch");
    jetstream.publish_with_headers(subject, with, payload.into()).await.expect("sent").await.is_ok()
}

fn refused(outcome: Outcome) -> bool {
    outcome.into_result::<Value>().is_err_and(|problem| problem.is(Case::SeatsUnavailable))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_does_not_store_is_decided_all_the_same_and_once() {
    let cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let (gateway, operator) = (cinema.broker_as(NatsUser::Gateway).await, cinema.broker().await);
    let id = Uuid::now_v7();
    let booking = batch(&[(id, place(&user, &showtime, "A1"))]);
    assert!(!publish(&gateway, booking.clone(), Some("1000")).await, "the broker took it");
    let outcome = operator.outcome(Service::Bookings, id).await;
    assert_eq!(outcome.status, OutcomeStatus::Accepted, "{}", outcome.body);
    // The publisher was not told that the broker has it, and tries again.
    assert!(publish(&gateway, booking, None).await);
    cinema.book(&user, &showtime, &["A2"]).await.expect(201);
    assert_eq!(operator.outcome(Service::Bookings, id).await.position, outcome.position);
    assert_eq!(operator.events(Service::Bookings, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_what_is_left_to_the_stream() {
    let cinema = Cinema::start().await;
    let (users, showtime) = ([cinema.user().await, cinema.user().await], cinema.showtime().await);
    let (gateway, operator) = (cinema.broker_as(NatsUser::Gateway).await, cinema.broker().await);
    let [unreadable, first, second] = [(); 3].map(|()| Uuid::now_v7());
    let mixed = batch(&[(unreadable, json!("nothing")), (first, place(&users[0], &showtime, "A1"))]);
    let later = batch(&[(second, place(&users[1], &showtime, "A1"))]);
    let (mixed, later) = tokio::join!(biased; publish(&gateway, mixed, None), publish(&gateway, later, None));
    assert!(mixed && later);
    assert_eq!(operator.outcome(Service::Bookings, first).await.status, OutcomeStatus::Accepted);
    assert!(refused(operator.outcome(Service::Bookings, second).await));
    operator.dead_letter(headers::COMMAND_ID, &unreadable.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_what_waits_when_a_service_starts() {
    let mut cinema = Cinema::start().await;
    let (users, showtime) = ([cinema.user().await, cinema.user().await], cinema.showtime().await);
    let (gateway, operator) = (cinema.broker_as(NatsUser::Gateway).await, cinema.broker().await);
    cinema.stop("bookings").await;
    let first = Uuid::now_v7();
    assert!(publish(&gateway, batch(&[(first, place(&users[0], &showtime, "A1"))]), None).await);
    let (running, is_decided) = watch::channel(false);
    // They can only be heard.
    let publishing = tokio::spawn(async move {
        while !*is_decided.borrow() {
            let later = batch(&[(Uuid::now_v7(), place(&users[1], &showtime, "A1"))]);
            assert!(!publish(&gateway, later, Some("1000")).await, "the broker took it");
        }
    });
    cinema.start_again("bookings").await;
    let outcome = operator.outcome(Service::Bookings, first).await;
    running.send_replace(true);
    publishing.await.expect("refused");
    assert_eq!(outcome.status, OutcomeStatus::Accepted, "{}", outcome.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_has_heard_the_other_leaves_to_it() {
    let mut cinema = Cinema::start().await;
    cinema.add_replica(Service::Bookings, "bookings-2").await;
    let showtime = cinema.showtime().await;
    let decided = async |name: &str| {
        let all = cinema.figure(name, "marquee_command_seconds_count", &["command=\"place\""]).await;
        (all, cinema.figure(name, "marquee_commands_early_total", &[]).await)
    };
    for number in 1..=10 {
        let user = cinema.user().await;
        let seats = [format!("A{number}"), format!("B{number}")];
        let booked = join_all(seats.iter().map(async |seat| cinema.book(&user, &showtime, &[seat]).await)).await;
        booked.into_iter().for_each(|booked| drop(booked.expect(201)));
    }
    // Where a replica takes its time, the other one may come to the same decision; but as a rule it doesn't.
    eventually("each counted", async || {
        let [(all, early), (all_2, early_2)] = [decided("bookings").await, decided("bookings-2").await];
        (early + early_2 == 20.0 && early > 0.0 && early_2 > 0.0 && all + all_2 < 30.0).then_some(())
    })
    .await;
}
