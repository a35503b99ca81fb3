//! The event streams on NATS: what a subscriber reads of them, and from where.

use async_nats::jetstream::{self, consumer::DeliverPolicy, consumer::pull::OrderedConfig};
use contracts::Service;
use futures_util::StreamExt;
use serde_json::{Value, json};
use system_tests::{eventually, on_shared_cinema, samples};
use uuid::Uuid;

#[test]
fn events_are_cloud_events_whose_sequence_is_the_journals_position() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let (user, showtime) = tokio::join!(cinema.user(), cinema.showtime());
        let order = json!({ "user_id": user, "showtime_id": showtime, "seats": ["C5", "E10"] });
        let outcome = broker.ask(Service::Bookings, "place", order).await;
        let booking: Value = serde_json::from_str(outcome.body.get()).unwrap();
        let last = broker.last_sequence(Service::Bookings).await.max(outcome.position);
        let events = broker.events(Service::Bookings, last).await;
        let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, (1..=last).collect::<Vec<u64>>());
        let event = events.iter().find(|event| event.sequence == outcome.position).unwrap();
        let id = booking["id"].as_str().unwrap();
        assert_eq!(event.subject, format!("cinema.evt.bookings.{id}.booking-placed"));
        let attribute = |name: &str| event.attributes.get(name).map(String::as_str).unwrap_or_default();
        assert_eq!(attribute("specversion"), "1.0");
        assert_eq!(attribute("type"), "booking-placed.v1");
        assert_eq!(attribute("source"), "/marquee/bookings");
        assert_eq!(attribute("subject"), id);
        assert_eq!(attribute("causationid"), outcome.command_id.to_string());
        assert!(attribute("id").parse::<Uuid>().is_ok());
        assert_eq!(attribute("time").parse::<chrono::DateTime<chrono::Utc>>().unwrap(), outcome.decided_at);
        assert_eq!(event.data["seats"], booking["seats"]);
        assert_eq!(event.data["user_id"], user);
    });
}

#[test]
fn a_subscriber_reads_from_the_start_a_sequence_or_a_time() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let before = broker.ask(Service::Users, "register", samples::user()).await;
        let after = broker.ask(Service::Users, "register", samples::user()).await;
        eventually("both events", async || {
            (broker.last_sequence(Service::Users).await >= after.position).then_some(())
        })
        .await;
        let stream = jetstream::new(broker.client.clone()).get_stream(Service::Users.events_stream()).await.unwrap();
        let first = async |deliver_policy| {
            let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
            let mut messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
            messages.next().await.unwrap().unwrap().info().unwrap().stream_sequence
        };
        assert_eq!(first(DeliverPolicy::All).await, 1);
        assert_eq!(first(DeliverPolicy::ByStartSequence { start_sequence: before.position }).await, before.position);
        let published = stream.get_raw_message(after.position).await.unwrap().time;
        assert_eq!(first(DeliverPolicy::ByStartTime { start_time: published }).await, after.position);
    });
}

#[test]
fn events_carry_no_personal_data() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let details = samples::with(samples::user(), "username", "xylophone"); // an id may well have an "ada" in it
        let outcome = broker.ask(Service::Users, "register", details.clone()).await;
        eventually("the event", async || {
            (broker.last_sequence(Service::Users).await >= outcome.position).then_some(())
        })
        .await;
        let stream = jetstream::new(broker.client.clone()).get_stream(Service::Users.events_stream()).await.unwrap();
        let event = stream.get_raw_message(outcome.position).await.unwrap();
        let text = format!("{:?} {}", event.headers, String::from_utf8_lossy(&event.payload));
        for secret in ["username", "email", "full_name"] {
            assert!(!text.contains(details[secret].as_str().unwrap()), "{text}");
        }
        assert!(!outcome.body.get().contains(details["email"].as_str().unwrap()), "{}", outcome.body);
    });
}
