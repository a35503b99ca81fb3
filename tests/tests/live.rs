//! Gateways are told of many events at once, and miss none for it.

use async_nats::HeaderMap;
use contracts::Service;
use contracts::subjects::headers;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};
use system_tests::{Block, Broker, Cinema, Listening, NatsUser, eventually, samples};
use uuid::Uuid;

const PATH: &str = "/api/events?service=users";
/// How many users are registered at once.
const AT_ONCE: usize = 16;

/// Registers so many users; those that were.
async fn register(cinema: &Cinema, count: usize) -> Vec<String> {
    let one = async |_| {
        let request = cinema.api.request(reqwest::Method::POST, "/api/users").json(&samples::user());
        let answer = cinema.api.try_send(request).await.ok()?;
        (answer.status == 201).then(|| answer.id())
    };
    stream::iter(0..count).map(one).buffer_unordered(AT_ONCE).filter_map(async |id| id).collect().await
}

/// Whom these events are about, which are all that there were.
fn told(events: &[Block], before: u64) -> Vec<String> {
    let positions: Vec<u64> = events.iter().map(Block::users_position).collect();
    assert_eq!(positions, (before + 1..).take(events.len()).collect::<Vec<_>>());
    events.iter().map(|event| event.data["subject"].as_str().expect("an id").to_owned()).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

/// What is told of one registered user.
fn event(user: Uuid) -> Value {
    json!({
        "specversion": "1.0",
        "id": Uuid::now_v7(),
        "source": "/marquee/users",
        "type": "user-registered.v1",
        "subject": user,
        "time": "2030-01-15T09:30:00.000000Z",
        "dataschema": "urn:marquee:schema:users:event:user-registered.v1",
        "data": { "user_id": user },
    })
}

async fn tell(broker: &Broker, position: Option<&str>, payload: &str) {
    let mut with = HeaderMap::new();
    if let Some(position) = position {
        with.insert(headers::POSITION, position);
    }
    broker.client.publish_with_headers(Service::Users.live(), with, payload.to_owned().into()).await.expect("sent");
    broker.client.flush().await.expect("told");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_are_told_at_once_and_what_was_missed_is_in_the_stream() {
    let mut cinema = Cinema::start().await;
    let mut listening = Listening::open(&cinema.api, PATH).await;
    let registered = register(&cinema, 1200).await;
    assert_eq!(sorted(told(&listening.take(1200).await, 0)), sorted(registered));
    let live = cinema.figure("gateway", "marquee_events_followed_total", &["service=\"users\"", "way=\"live\""]).await;
    assert!(live >= 100.0, "{live} events were told live");
    // What is told while a gateway is not connected again, it misses. Whose answer is lost is registered perhaps; until it is
    // connected, it refuses at once.
    let last_id = listening.last_id.clone();
    cinema.restart_broker().await;
    let mut registered = Vec::new();
    eventually("so many users", async || {
        registered.extend(register(&cinema, 100).await);
        (registered.len() > 200).then_some(())
    })
    .await;
    let mut listening = Listening::open_behind(&cinema.api, PATH, &last_id).await;
    let events = listening.until(&cinema.user().await).await;
    let told = told(&events, 1200);
    assert_eq!(registered.iter().find(|user| !told.contains(user)), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_or_comes_too_early_or_again_is_passed_over() {
    let cinema = Cinema::start().await;
    let broker = cinema.broker_as(NatsUser::Provisioner).await;
    let mut listening = Listening::open(&cinema.api, PATH).await;
    let mut registered = register(&cinema, 600).await;
    let made_up = json!([event(Uuid::now_v7())]).to_string();
    for (position, payload) in [
        (None, "nothing"),
        (None, made_up.as_str()),
        (Some("users=many"), &made_up),
        (Some("movies=1"), &made_up),
        (Some("users=0"), &made_up),
        (Some("users=5"), "[]"),
        (Some("users=5"), "[{}]"),
        (Some("users=5"), "[null"),
        (Some("users=18446744073709551615"), &made_up),
        (Some("users=5000"), &made_up),
        (Some("users=3"), &made_up),
    ] {
        tell(&broker, position, payload).await;
        registered.extend(register(&cinema, 8).await);
    }
    let events = listening.take(registered.len()).await;
    assert_eq!(sorted(told(&events, 0)), sorted(registered));
    let (status, page) = cinema.health("gateway", "readyz").await;
    assert_eq!(status, 200, "{page}");
}
