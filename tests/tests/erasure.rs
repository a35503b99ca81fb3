//! Who is erased is nowhere any more: in no table, no stream, no dead letter and no log.

use async_nats::HeaderMap;
use contracts::subjects::{BATCH, headers};
use contracts::{OutcomeStatus, Service};
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use serde_json::{Value, json};
use system_tests::samples::{self, with};
use system_tests::{Api, Broker, Cinema, NatsUser, eventually};
use uuid::Uuid;

const PASSWORD: &str = "Quetzalcoatlus-northropi";
const NEW_PASSWORD: &str = "Hatzegopteryx-thambema";

/// What nobody else says of themselves.
fn details(name: &str) -> Value {
    json!({
        "username": format!("{name}-the-first"), "email": format!("{name}.Mail@Example.com"),
        "full_name": format!("Dr {name} Ünmistakable"),
    })
}

fn values(details: &Value) -> Vec<String> {
    ["username", "email", "full_name"].map(|field| details[field].as_str().unwrap().to_owned()).into()
}

#[derive(QueryableByName)]
struct Hash {
    #[diesel(sql_type = Text)]
    password_hash: String,
}

/// The hashes of all passwords that are stored.
async fn hashes(cinema: &Cinema) -> Vec<String> {
    let mut connection = AsyncMysqlConnection::establish(&cinema.database.urls()[&Service::Users]).await.unwrap();
    let hashes: Vec<Hash> = sql_query("SELECT password_hash FROM credentials").load(&mut connection).await.unwrap();
    hashes.into_iter().map(|hash| hash.password_hash).collect()
}

/// Publishes a durable command that can't be read, and waits for its dead letter; its id.
async fn bury(broker: &Broker, service: Service, command: &str, payload: String) -> String {
    let id = Uuid::now_v7();
    broker.command(service, command, payload, id).await;
    broker.dead_letter(headers::COMMAND_ID, &id.to_string()).await;
    id.to_string()
}

/// Waits until no stream has any of these words.
async fn gone_from_streams(cinema: &Cinema, words: &[String]) {
    eventually("no trace in any stream", async || cinema.in_streams(words).await.is_empty().then_some(())).await;
}

async fn session(api: &Api, email: &Value, password: &str) -> Api {
    let credentials = json!({ "email": email, "password": password });
    let session = api.anonymous().post("/api/sessions", &credentials).await.expect(201).body;
    api.with_token(session["access_token"].as_str().expect("a token"))
}

/// All that somebody may leave behind: dead letters of all kinds, and questions that were refused.
async fn leave_traces(broker: &Broker, id: &str, details: &Value) {
    let unreadable = with(details.clone(), "email", details["full_name"].clone());
    bury(broker, Service::Users, "register", with(details.clone(), "emial", "x").to_string()).await;
    bury(broker, Service::Users, "register", format!("{{\"email\": {},", details["email"])).await;
    bury(broker, Service::Users, "update", with(unreadable.clone(), "id", id).to_string()).await;
    bury(
        broker,
        Service::Users,
        "change-password",
        json!({ "id": id, "password_hash": details["full_name"] }).to_string(),
    )
    .await;
    bury(broker, Service::Bookings, "place", details.to_string().to_uppercase()).await;
    let batch = json!([{ "specversion": "1.0", "id": Uuid::now_v7(), "source": "/tests", "type": details["email"],
        "marqueeactor": "operator", "data": unreadable }]);
    broker.publish(Service::Users, BATCH, batch.to_string(), HeaderMap::new()).await;
    broker.dead_letter(headers::COMMAND_ID, batch[0]["id"].as_str().unwrap()).await;
    let refused = broker.request(&Service::Users.ask("register"), unreadable.to_string().as_bytes()).await;
    assert_eq!(refused.1.as_deref(), Some("422"));
}

#[tokio::test]
async fn an_erased_user_leaves_no_trace() {
    let cinema = Cinema::start().await;
    let broker = cinema.broker_as(NatsUser::Provisioner).await;
    let (first, second) = (details("Archaeopteryx"), details("Rhamphorhynchus"));

    // Somebody signs up, is written about, and changes what they can; somebody else has a dead letter, too.
    let new = with(first.clone(), "password", PASSWORD);
    let id = cinema.api.anonymous().post("/api/users", &new).await.expect(201).id();
    let user = format!("/api/users/{id}");
    let api = session(&cinema.api, &first["email"], PASSWORD).await;
    leave_traces(&broker, &id, &first).await;
    let bystander = details("Bystander");
    let letter = bury(&broker, Service::Users, "register", with(bystander.clone(), "emial", "x").to_string()).await;
    let mut words = [values(&first), hashes(&cinema).await, vec![PASSWORD.into(), NEW_PASSWORD.into()]].concat();
    let early = cinema.traces(&words).await.join("\n");
    for place in [
        "users profiles.username",
        "users profiles.email",
        "users profiles.full_name",
        "users credentials.password_hash",
        "users claims.value",
        "stream DEAD_LETTERS",
    ] {
        assert!(early.contains(place), "{place} is not in {early}");
    }
    api.put(&user, &second).await.expect(200);
    let passwords = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    api.put(&format!("{user}/password"), &passwords).await.expect(204);
    let api = session(&cinema.api, &second["email"], NEW_PASSWORD).await;
    // What was replaced is erased then and there.
    gone_from_streams(&cinema, &[values(&first)[1].clone()]).await;
    words.extend([values(&second), hashes(&cinema).await].concat());
    leave_traces(&broker, &id, &second).await;
    api.put(&user, &with(second.clone(), "email", second["full_name"].clone())).await.expect(422);
    cinema.api.post("/api/users", &second).await.expect(409).expect_problem("email-taken");
    let showtime = cinema.showtime().await;
    let new = json!({ "user_id": id, "showtime_id": showtime, "seats": ["A1"] });
    let booking = format!("/api/bookings/{}", api.post("/api/bookings", &new).await.expect(201).id());
    assert_eq!(api.get(&booking).await.expect(200).body["user"]["full_name"], second["full_name"]);
    let before = cinema.traces(&words).await.join("\n");
    for value in values(&second).iter().chain(&hashes(&cinema).await) {
        assert!(before.contains(value), "{value} is not in {before}");
    }
    for value in values(&second) {
        let letter = before.lines().find(|line| line.starts_with("stream DEAD_LETTERS") && line.ends_with(&value));
        assert!(letter.is_some(), "no letter has {value}: {before}");
    }

    // They go.
    api.delete(&user).await.expect(204);
    gone_from_streams(&cinema, &words).await;
    eventually("nothing left to erase", async || cinema.in_tables(&words).await.is_empty().then_some(())).await;

    // The booking stays, of nobody.
    let anonymous = eventually("the cancellation", async || {
        let booking = cinema.api.get(&booking).await.expect(200).body;
        (booking["status"] == "cancelled").then_some(booking)
    })
    .await;
    assert_eq!((&anonymous["user_id"], anonymous.get("user")), (&json!(id), None));
    let history = cinema.api.get(&format!("{booking}/history")).await.expect(200).body;
    let audit = cinema.api.get(&format!("/api/audit?account=user:{id}&limit=200")).await.expect(200).body;
    assert!(history["items"].as_array().unwrap().len() == 2 && audit["items"].as_array().unwrap().len() > 3);
    let listed = cinema.api.get(&format!("/api/bookings?user_id={id}")).await.expect(200).body;
    for said in [&anonymous, &history, &audit, &listed] {
        let said = said.to_string().to_lowercase();
        assert!(!words.iter().any(|word| said.contains(&word.to_lowercase())), "{said}");
    }

    // What comes late is refused and leaves nothing.
    for (command, payload) in [
        ("update", with(second.clone(), "id", id.clone())),
        ("register", with(second.clone(), "id", id.clone())),
        ("change-password", json!({ "id": id, "password_hash": words.last().unwrap() })),
    ] {
        let late = Uuid::now_v7();
        broker.command(Service::Users, command, payload.to_string(), late).await;
        assert_eq!(broker.outcome(Service::Users, late).await.status, OutcomeStatus::Refused, "{command}");
    }
    // The command that was decided last goes from its stream a moment later.
    gone_from_streams(&cinema, &words).await;
    assert_eq!(cinema.traces(&words).await, [""; 0]);

    // All that was looked at was there to be found.
    assert_eq!(
        cinema.in_logs(std::slice::from_ref(&letter)),
        [format!("log users: {letter}")],
        "the log tells of dead letters"
    );
    let others = cinema.traces(&values(&bystander)).await;
    assert_eq!(others.len(), 3, "somebody else's letter stays: {others:#?}");
}

#[tokio::test]
async fn a_crash_on_the_way_forgets_nothing() {
    let mut cinema = Cinema::start().await;
    let broker = cinema.broker().await;
    // Until one comes in between.
    for number in 0.. {
        let details = details(&format!("Pteranodon{number}"));
        let email = [values(&details)[1].clone()];
        let id = cinema.api.post("/api/users", &details).await.expect(201).id();
        bury(&broker, Service::Users, "register", with(details, "emial", "x").to_string()).await;
        cinema.api.delete(&format!("/api/users/{id}")).await.expect(204);
        cinema.kill("users").await;
        let in_between = cinema.in_tables(&email).await == [format!("table users erasures.text: {}", email[0])]
            && !cinema.in_streams(&email).await.is_empty();
        cinema.start_again("users").await;
        gone_from_streams(&cinema, &email).await;
        eventually("nothing left to erase", async || cinema.in_tables(&email).await.is_empty().then_some(())).await;
        if in_between {
            return;
        }
        assert!(number < 10, "no crash came in between");
    }
}

#[tokio::test]
async fn nobody_has_others_letters_removed_by_their_name() {
    let cinema = Cinema::start().await;
    let broker = cinema.broker().await;
    let bystander = details("Bystander");
    bury(&broker, Service::Users, "register", with(bystander.clone(), "emial", "x").to_string()).await;
    let movie = with(samples::movie(), "titel", "Metropolis").to_string();
    bury(&broker, Service::Movies, "add", movie).await;
    let named = |name: &str| with(with(samples::user(), "username", name), "full_name", name);
    for name in ["email", "username", "Metropolis", "Fritz Lang", "Dr", "Bystander"] {
        let user = cinema.api.post("/api/users", &named(name)).await.expect(201).id();
        cinema.api.delete(&format!("/api/users/{user}")).await.expect(204);
    }
    let last = named("last");
    let user = cinema.api.post("/api/users", &last).await.expect(201).id();
    bury(&broker, Service::Users, "register", with(last.clone(), "emial", "x").to_string()).await;
    cinema.api.delete(&format!("/api/users/{user}")).await.expect(204);
    gone_from_streams(&cinema, &[values(&last)[1].clone()]).await;
    assert_eq!(broker.dead_letters().await.len(), 2);
}
