//! `GET /api/events`: what is told, to whom, and what of it somebody asks for.

use serde_json::{Value, json};
use system_tests::samples::{self, movie, with};
use system_tests::{Api, Block, Cinema, Listening, on_shared_cinema};

/// What happened to what.
fn told(blocks: &[Block]) -> Vec<(&str, &str)> {
    blocks.iter().map(|block| (block.event.as_str(), block.data["subject"].as_str().unwrap())).collect()
}

#[test]
fn an_event_is_a_cloud_event_with_an_id() {
    on_shared_cinema(async |cinema| {
        let (user, showtime) = (cinema.user().await, cinema.showtime().await);
        let mut listening = Listening::open(&cinema.api, "/api/events?service=bookings").await;
        assert_eq!(listening.header("cache-control"), "no-store");
        assert_eq!(listening.header("x-accel-buffering"), "no");
        let start = listening.block().await.unwrap();
        assert_eq!(start.retry.as_deref(), Some("1000"));
        assert!(start.data.is_null() && start.id.is_some(), "{start:?}");

        let booking = cinema.book(&user, &showtime, &["A1", "A2"]).await.expect(201);
        let event = listening.next().await.unwrap();
        assert_eq!((event.event.as_str(), &event.data["type"]), ("booking-placed.v1", &json!("booking-placed.v1")));
        assert_eq!(event.data["specversion"], "1.0");
        assert_eq!(event.data["source"], "/marquee/bookings");
        assert_eq!(event.data["subject"], booking.id());
        assert_eq!(event.data["time"], booking.body["created_at"]);
        assert_eq!(event.data["dataschema"], "urn:marquee:schema:bookings:event:booking-placed.v1");
        assert_eq!(event.data["data"]["seats"], booking.body["seats"]);
        let members: Vec<&String> = event.data.as_object().unwrap().keys().collect();
        assert_eq!(members.len(), 8, "nothing else, such as the command's id: {members:?}");
        let position = booking.header("marquee-position").strip_prefix("bookings=").unwrap().to_owned();
        assert!(event.id.unwrap().ends_with(&format!(".b{position}")));
    });
}
