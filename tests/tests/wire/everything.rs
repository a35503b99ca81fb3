//! Everything that can be done on NATS, done once.

use async_nats::HeaderMap;
use contracts::audit::AUDIT;
use contracts::subjects::{BATCH, headers};
use contracts::{Outcome, OutcomeStatus, Service};
use serde_json::{Value, json};
use system_tests::{Broker, samples};
use uuid::Uuid;

/// Every command, event, query and question, problems and dead letters. Returns when the events are in their streams.
pub(crate) async fn everything_once(broker: &Broker) {
    let (user, key) = users(broker).await;
    let (movie, hall, showtime) = movies(broker).await;
    let (booking, last_booking) = bookings(broker, &user, &showtime).await;
    for (service, query, payload) in [
        (Service::Users, "user", json!({ "id": user })),
        (Service::Users, "users", json!({ "limit": 1 })),
        (Service::Users, "names", json!({ "users": [user] })),
        (Service::Users, "api-keys", json!({})),
        (Service::Movies, "movie", json!({ "id": movie })),
        (Service::Movies, "movies", json!({ "title": "Metropolis" })),
        (Service::Movies, "hall", json!({ "id": hall })),
        (Service::Movies, "halls", json!({})),
        (Service::Movies, "showtime", json!({ "id": showtime })),
        (Service::Movies, "showtimes", json!({ "movie_id": movie })),
        (Service::Bookings, "booking", json!({ "id": booking })),
        (Service::Bookings, "bookings", json!({ "user_id": user })),
        (Service::Bookings, "seats", json!({ "showtime_id": showtime })),
    ] {
        broker.query_from(format!("bookings={last_booking}"), service, query, payload).await;
    }
    for (method, payload) in [
        ("credentials", json!({ "user_id": user })),
        ("account", json!({ "id": user })),
        ("api-key", json!({ "id": key })),
    ] {
        let (_, code) = broker.request(&Service::Users.rpc(method), payload.to_string().as_bytes()).await;
        assert_eq!(code, None, "{method}");
    }
    for service in Service::ALL {
        trouble(broker, service).await;
    }
    the_end(broker, [&user, &key, &movie, &hall, &showtime, &booking].map(Clone::clone)).await;
}

/// A user who is staff and has a password, and an API key.
async fn users(broker: &Broker) -> (Value, Value) {
    let accepted = async |command, payload| broker.accepted(Service::Users, command, payload).await;
    let user = accepted("register", samples::user()).await["id"].clone();
    accepted("update", samples::with(samples::user(), "id", user.clone())).await;
    accepted("set-roles", json!({ "id": user, "roles": ["customer", "staff"] })).await;
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
    accepted("change-password", json!({ "id": user, "password_hash": hash })).await;
    // The second one: having none counts as the first.
    let session = accepted("open-session", json!({ "user_id": user, "password_version": 2 })).await["id"].clone();
    accepted("refresh-session", json!({ "id": session, "generation": 1 })).await;
    accepted("close-session", json!({ "id": session })).await;
    let key = json!({ "name": "Box office", "roles": ["staff"], "secret_hash": "0".repeat(64) });
    let key = accepted("add-api-key", key).await["id"].clone();
    (user, key)
}

async fn movies(broker: &Broker) -> (Value, Value, Value) {
    let accepted = async |command, payload| broker.accepted(Service::Movies, command, payload).await;
    let movie = accepted("add", samples::movie()).await["id"].clone();
    accepted("update", samples::with(samples::movie(), "id", movie.clone())).await;
    let hall = accepted("add-hall", samples::hall()).await["id"].clone();
    accepted("update-hall", samples::with(samples::hall(), "id", hall.clone())).await;
    let details = samples::showtime(movie.as_str().unwrap(), hall.as_str().unwrap());
    let showtime = accepted("schedule", details.clone()).await["id"].clone();
    accepted("reschedule", samples::with(details, "id", showtime.clone())).await;
    (movie, hall, showtime)
}

/// A booking, and the position that bookings have come to. Another one is checked in; some come in a batch, one alone.
async fn bookings(broker: &Broker, user: &Value, showtime: &Value) -> (Value, u64) {
    let accepted = async |command, payload| broker.accepted(Service::Bookings, command, payload).await;
    let seats = |names: &[&str]| json!({ "user_id": user, "showtime_id": showtime, "seats": names });
    let booking = accepted("place", seats(&["A1", "E1"])).await["id"].clone();
    accepted("change-seats", json!({ "id": booking, "seats": ["A2"] })).await;
    let seen = accepted("place", seats(&["C1"])).await["id"].clone();
    accepted("check-in", json!({ "id": seen })).await;
    let (first, second, third) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let batch = [(first, "B1"), (second, "D1")].map(|(id, seat)| samples::batched(id, "place", &seats(&[seat])));
    broker.publish(Service::Bookings, BATCH, json!(batch).to_string(), HeaderMap::new()).await;
    assert_eq!(broker.outcome(Service::Bookings, first).await.status, OutcomeStatus::Accepted);
    assert_eq!(broker.outcome(Service::Bookings, second).await.status, OutcomeStatus::Refused);
    broker.command(Service::Bookings, "place", seats(&["B2"]).to_string(), third).await;
    (booking, broker.outcome(Service::Bookings, third).await.position)
}

/// A command that can't be read, operations that are known and unknown, and who did what.
async fn trouble(broker: &Broker, service: Service) {
    let (_, code) = broker.request(&service.query(AUDIT), json!({ "limit": 20 }).to_string().as_bytes()).await;
    assert_eq!(code, None);
    let id = Uuid::now_v7();
    broker.command(service, "nothing", "no JSON", id).await;
    broker.dead_letter(headers::COMMAND_ID, &id.to_string()).await;
    let unknown = json!({ "command_id": id }).to_string();
    assert_eq!(broker.request(&service.query("operation"), unknown.as_bytes()).await.1.as_deref(), Some("404"));
}

/// All is cancelled, removed and erased.
async fn the_end(broker: &Broker, [user, key, movie, hall, showtime, booking]: [Value; 6]) {
    let mut last: [Option<Outcome>; 3] = Default::default();
    for (service, command, payload) in [
        (Service::Bookings, "cancel", json!({ "id": booking })),
        (Service::Movies, "cancel", json!({ "id": showtime })),
        (Service::Bookings, "cancel-showtime", json!({ "showtime_id": showtime })),
        (Service::Movies, "remove", json!({ "id": movie })),
        (Service::Movies, "remove-hall", json!({ "id": hall })),
        (Service::Users, "revoke-api-key", json!({ "id": key })),
        (Service::Users, "delete", json!({ "id": user })),
        (Service::Bookings, "cancel-user", json!({ "user_id": user })),
    ] {
        let outcome = broker.ask(service, command, payload).await;
        assert_eq!(outcome.status, OutcomeStatus::Accepted, "{command}: {}", outcome.body);
        let known = broker.outcome(service, outcome.command_id.0).await;
        assert_eq!(known.position, outcome.position);
        last[service as usize] = Some(outcome);
    }
    for (service, outcome) in Service::ALL.into_iter().zip(last) {
        broker.events(service, outcome.unwrap().position).await;
    }
}
