//! The NATS door: commands answered and durable, queries, dead letters; what an operator uses.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::service::NATS_SERVICE_ERROR_CODE;
use contracts::catalogue::{Catalogue, common_queries};
use contracts::message::{MessageSpec, schema_of};
use contracts::subjects::headers;
use contracts::{Outcome, OutcomeStatus, Service};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use system_tests::{Broker, Cinema, NatsUser, eventually, on_shared_cinema, samples};
use uuid::Uuid;

async fn user(broker: &Broker) -> Value {
    broker.accepted(Service::Users, "register", samples::user()).await["id"].clone()
}

async fn showtime(broker: &Broker) -> Value {
    let movie = broker.accepted(Service::Movies, "add", samples::movie()).await;
    let hall = broker.accepted(Service::Movies, "add-hall", samples::hall()).await;
    let showtime = samples::showtime(movie["id"].as_str().unwrap(), hall["id"].as_str().unwrap());
    broker.accepted(Service::Movies, "schedule", showtime).await["id"].clone()
}

async fn state(broker: &Broker, showtime: &Value, seat: &str) -> Value {
    let question = json!({ "showtime_id": showtime }).to_string();
    // The read tables are told of a new showtime a moment after whoever scheduled it.
    let map = eventually("a seat map", async || {
        let (reply, code) = broker.request(&Service::Bookings.query("seats"), question.as_bytes()).await;
        code.is_none().then_some(reply)
    })
    .await;
    let rows = map["rows"].as_array().unwrap().clone();
    let mut places = rows.iter().flat_map(|row| row["places"].as_array().unwrap());
    places.find(|place| place["seat"] == seat).unwrap_or(&Value::Null)["state"].clone()
}

#[test]
fn every_command_is_answered_on_its_ask_subject() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let accepted = async |service, command: &str, payload| broker.accepted(service, command, payload).await;

        let user = user(&broker).await;
        let mut changed = samples::user();
        changed["id"] = user.clone();
        assert_eq!(accepted(Service::Users, "update", changed).await["version"], 2);

        let movie = accepted(Service::Movies, "add", samples::movie()).await;
        let mut changed = samples::movie();
        changed["id"] = movie["id"].clone();
        changed["title"] = json!("M");
        assert_eq!(accepted(Service::Movies, "update", changed).await["title"], "M");
        let hall = accepted(Service::Movies, "add-hall", samples::hall()).await;
        let mut changed = samples::hall();
        changed["id"] = hall["id"].clone();
        let hall = accepted(Service::Movies, "update-hall", changed).await;
        let mut details = samples::showtime(movie["id"].as_str().unwrap(), hall["id"].as_str().unwrap());
        let showtime = accepted(Service::Movies, "schedule", details.clone()).await["id"].clone();
        details["id"] = showtime.clone();
        details["language"] = json!("de");
        assert_eq!(accepted(Service::Movies, "reschedule", details).await["language"], "de");

        let order = json!({ "user_id": user, "showtime_id": showtime, "seats": ["A1", "A2"] });
        let booking = accepted(Service::Bookings, "place", order).await;
        assert_eq!(booking["total"], json!({ "amount": 2500, "currency": "EUR" }));
        assert_eq!(booking["movie"]["title"], "M");
        let change = json!({ "id": booking["id"], "seats": ["A2", "E1"] });
        assert_eq!(accepted(Service::Bookings, "change-seats", change).await["total"]["amount"], 2900);
        let cancelled = accepted(Service::Bookings, "cancel", json!({ "id": booking["id"] })).await;
        assert_eq!(cancelled["status"], "cancelled");

        assert_eq!(accepted(Service::Movies, "cancel", json!({ "id": showtime })).await["id"], showtime);
        let none = accepted(Service::Bookings, "cancel-showtime", json!({ "showtime_id": showtime })).await;
        assert_eq!(none["bookings"], json!([]));
        assert_eq!(accepted(Service::Movies, "remove", json!({ "id": movie["id"] })).await["id"], movie["id"]);
        assert_eq!(accepted(Service::Movies, "remove-hall", json!({ "id": hall["id"] })).await["id"], hall["id"]);
        assert_eq!(accepted(Service::Users, "delete", json!({ "id": user })).await["id"], user);
        let none = accepted(Service::Bookings, "cancel-user", json!({ "user_id": user })).await;
        assert_eq!(none["bookings"], json!([]));
    });
}

#[test]
fn every_service_is_registered_with_what_it_answers_and_its_schemas() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        for service in Service::ALL {
            let Catalogue { commands, queries, methods, .. } = Catalogue::of(service);
            let schemas = |spec: &MessageSpec| [(spec.request)(), spec.reply.expect("a reply")()].map(|s| s.to_value());
            let asked = commands.iter().map(|spec| {
                (service.ask(spec.name), [(spec.request)(), schema_of::<Outcome>()].map(|schema| schema.to_value()))
            });
            let answers = commands.iter().filter_map(|spec| Some((service.ask(spec.name), (spec.reply?)().to_value())));
            let mut answers: BTreeMap<String, Value> = answers.collect();
            let common = common_queries();
            let questions = queries.iter().chain(&common).map(|spec| (service.query(spec.name), schemas(spec)));
            let methods = methods.iter().map(|spec| (service.rpc(spec.name), schemas(spec)));
            let mut expected: BTreeMap<String, [Value; 2]> = asked.chain(questions).chain(methods).collect();
            let name = format!("marquee-{service}");
            let (info, _) = broker.request(&format!("$SRV.INFO.{name}"), b"").await;
            for endpoint in info["endpoints"].as_array().expect("endpoints") {
                let (subject, metadata) = (endpoint["subject"].as_str().unwrap(), &endpoint["metadata"]);
                let schemas = expected.remove(subject).unwrap_or_else(|| panic!("nobody knows {subject}"));
                let found: [Value; 2] =
                    ["request", "reply"].map(|part| serde_json::from_str(metadata[part].as_str().unwrap()).unwrap());
                assert_eq!(found, schemas, "{subject}");
                // What is in the outcome of a command that is accepted.
                let answer = metadata["answer"].as_str().map(|schema| serde_json::from_str(schema).unwrap());
                assert_eq!(answer, answers.remove(subject), "{subject}");
                assert!(metadata["description"].as_str().is_some_and(|text| text.ends_with('.')), "{metadata}");
            }
            assert!(expected.is_empty(), "not registered: {:?}", expected.keys());
            assert!(info["description"].as_str().is_some_and(|text| !text.is_empty()), "{info}");
            for verb in ["PING", "STATS"] {
                let (answer, _) = broker.request(&format!("$SRV.{verb}.{name}"), b"").await;
                assert_eq!((&answer["name"], &answer["version"]), (&json!(name), &info["version"]));
            }
        }
    });
}

#[test]
fn a_durable_command_takes_effect_and_its_outcome_can_be_asked() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let (user, showtime, id) = (user(&broker).await, showtime(&broker).await, Uuid::now_v7());
        let order = json!({ "user_id": user, "showtime_id": showtime, "seats": ["B1"] }).to_string();
        broker.command(Service::Bookings, "place", order, id).await;
        let outcome = broker.outcome(Service::Bookings, id).await;
        assert_eq!(outcome.status, OutcomeStatus::Accepted, "{}", outcome.body);
        eventually("the seat is taken", async || (state(&broker, &showtime, "B1").await == "taken").then_some(()))
            .await;
    });
}

#[test]
fn a_repeat_changes_nothing_and_another_payload_under_its_id_is_refused() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        let (user, showtime, id) = (user(&broker).await, showtime(&broker).await, Uuid::now_v7());
        let place = |seat: &str| json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] });
        let ask = async |seat: &str| {
            let mut with = HeaderMap::new();
            with.insert(headers::MESSAGE_ID, id.to_string());
            let payload = place(seat).to_string().into();
            let subject = Service::Bookings.ask("place");
            let reply = broker.client.request_with_headers(subject, with, payload).await.unwrap();
            serde_json::from_slice::<Outcome>(&reply.payload).unwrap()
        };
        let first = ask("A1").await;
        // The same id in a batch gets past the broker's own look for repeats.
        let again = json!([samples::batched(id, "place", &place("A1"))]);
        broker.publish(Service::Bookings, "batch", again.to_string(), HeaderMap::new()).await;
        let repeat = ask("A1").await;
        assert_eq!((repeat.position, repeat.body.get()), (first.position, first.body.get()));

        let mut other = again.clone();
        other[0]["data"] = place("A2");
        let inbox = broker.client.new_inbox();
        let mut replies = broker.client.subscribe(inbox.clone()).await.unwrap();
        let mut with = HeaderMap::new();
        with.insert(headers::REPLY_TO, inbox);
        broker.publish(Service::Bookings, "batch", other.to_string(), with).await;
        let outcomes: Vec<Outcome> = serde_json::from_slice(&replies.next().await.unwrap().payload).unwrap();
        assert!(outcomes[0].body.get().contains("idempotency-mismatch"), "{}", outcomes[0].body);
        // The read tables are a moment behind for whoever doesn't say what they must have, such as the showtime.
        assert_eq!(state(&broker, &showtime, "E1").await, "free");
        let (position, wanted) = (format!("bookings={}", first.position), json!({ "showtime_id": showtime }));
        let bookings = broker.query_from(position, Service::Bookings, "bookings", wanted).await;
        assert_eq!(bookings["items"].as_array().unwrap().len(), 1, "{bookings:#}");
    });
}

#[test]
fn a_refused_command_is_an_outcome_whose_headers_name_the_problem() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let nobody = json!({ "id": Uuid::nil(), "seats": ["A1"] }).to_string();
        let reply = broker.client.request("cinema.ask.bookings.change-seats", nobody.into()).await.unwrap();
        let headers = reply.headers.expect("headers");
        let header = |name: &str| headers.get(name).map(|value| value.as_str());
        assert_eq!(header("Nats-Service-Error-Code"), Some("404"));
        assert_eq!(header("Nats-Service-Error"), Some("Not found"));
        let outcome: Outcome = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!(outcome.status, OutcomeStatus::Refused);
        assert!(outcome.body.get().contains("urn:marquee:problem:not-found"), "{}", outcome.body);
    });
}

#[test]
fn any_text_can_be_a_commands_id_and_means_the_same_at_both_doors() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let mut with = HeaderMap::new();
        with.insert(headers::MESSAGE_ID, format!("the film of {}", Uuid::now_v7()));
        let movie = samples::movie().to_string();
        broker.publish(Service::Movies, "add", movie.clone(), with.clone()).await;
        let mut added = Vec::new();
        for _ in 0..2 {
            let subject = Service::Movies.ask("add");
            let reply = broker.client.request_with_headers(subject, with.clone(), movie.clone().into()).await.unwrap();
            let outcome: Outcome = serde_json::from_slice(&reply.payload).unwrap();
            assert_eq!(outcome.status, OutcomeStatus::Accepted, "{}", outcome.body);
            added.push((outcome.command_id, outcome.position));
        }
        assert_eq!(added[0], added[1], "it was added once");
    });
}

#[test]
fn an_expired_command_is_refused() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let (user, showtime, id) = (user(&broker).await, showtime(&broker).await, Uuid::now_v7());
        let mut with = HeaderMap::new();
        with.insert(headers::MESSAGE_ID, id.to_string());
        with.insert(headers::EXPIRES, "2020-01-01T00:00:00Z");
        let order = json!({ "user_id": user, "showtime_id": showtime, "seats": ["B1"] }).to_string();
        broker.publish(Service::Bookings, "place", order, with).await;
        let outcome = broker.outcome(Service::Bookings, id).await;
        assert!(outcome.body.get().contains("urn:marquee:problem:unavailable"), "{}", outcome.body);
        assert_eq!(state(&broker, &showtime, "B1").await, "free");
    });
}

#[test]
fn what_cannot_be_read_becomes_a_dead_letter_with_the_reason() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        let unknown_field = br#"{"user_id":"x","seats":[],"price":1}"#.to_vec();
        let cases: [(Service, &str, Vec<u8>, &str); 7] = [
            (Service::Bookings, "place", b"not JSON".to_vec(), "expected"),
            (Service::Bookings, "place", b"\xff\xfe\x00".to_vec(), "expected"),
            (Service::Bookings, "place", b"".to_vec(), "missing field"),
            (Service::Bookings, "place", unknown_field, "user_id"),
            (Service::Users, "dance", b"{}".to_vec(), "no command"),
            (Service::Movies, "batch", b"{\"a\":1}".to_vec(), "invalid type"),
            (Service::Movies, "add", ["{\"title\":".as_bytes(), &[b'['; 100_000]].concat(), "recursion limit"),
        ];
        for (service, command, payload, reason) in cases {
            let id = Uuid::now_v7();
            broker.command(service, command, payload.clone(), id).await;
            // A batch that can't be read has no command whose id would be known.
            let letter = match command {
                "batch" => broker.dead_letter(headers::SUBJECT, &service.command(command)).await,
                _ => broker.dead_letter(headers::COMMAND_ID, &id.to_string()).await,
            };
            let header = |name: &str| letter.headers.as_ref().unwrap().get(name).unwrap().to_string();
            assert_eq!(letter.subject.to_string(), service.dead_letters());
            assert_eq!(header(headers::SUBJECT), service.command(command));
            assert!(header(headers::REASON).contains(reason), "{}", header(headers::REASON));
            assert_eq!(letter.payload, payload);
        }
        // And the services go on.
        user(&broker).await;
        showtime(&broker).await;
    });
}

#[test]
fn one_bad_command_in_a_batch_harms_no_other() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        let (good, bad) = (Uuid::now_v7(), Uuid::now_v7());
        let register = |id: Uuid, user: Value| samples::batched(id, "register", &user);
        let batch = json!([register(bad, json!({ "username": "" })), register(good, samples::user())]);
        broker.publish(Service::Users, "batch", batch.to_string(), HeaderMap::new()).await;
        let outcome = broker.outcome(Service::Users, good).await;
        assert_eq!(outcome.status, OutcomeStatus::Accepted);
        broker.dead_letter(headers::COMMAND_ID, &bad.to_string()).await;
    });
}

#[test]
fn bad_input_on_ask_and_query_is_answered_with_a_problem() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        for (subject, payload, code) in [
            ("cinema.ask.bookings.place", "not JSON", "422"),
            ("cinema.ask.users.register", r#"{"username":"a","email":"nobody","full_name":"A"}"#, "422"),
            ("cinema.qry.users.user", r#"{"id":"1"}"#, "422"),
            ("cinema.qry.bookings.bookings", r#"{"limit":0}"#, "422"),
            ("cinema.qry.bookings.bookings", r#"{"cursor":"x"}"#, "422"),
            ("cinema.qry.movies.movie", r#"{"id":"01890000-0000-7000-8000-000000000000"}"#, "404"),
        ] {
            let (problem, answered) = broker.request(subject, payload.as_bytes()).await;
            assert_eq!(answered.as_deref(), Some(code), "{subject} {payload}: {problem:#}");
            assert_eq!(problem["status"].to_string(), code, "{problem:#}");
        }
        let mut with = HeaderMap::new();
        with.insert(headers::MIN_POSITION, "users=9999999");
        let reply = broker.client.request_with_headers("cinema.qry.users.users", with, "{}".into()).await.unwrap();
        let code = reply.headers.unwrap().get(async_nats::service::NATS_SERVICE_ERROR_CODE).unwrap().to_string();
        assert_eq!(code, "503", "what can't be answered from that position is never answered from an older one");
        let problem: Value = serde_json::from_slice(&reply.payload).expect("a problem as its body");
        assert_eq!(problem["type"], "urn:marquee:problem:unavailable");
        let (stats, _) = broker.request("$SRV.STATS.marquee-users", b"").await;
        let endpoints = stats["endpoints"].as_array().expect("endpoints");
        let users = endpoints.iter().find(|endpoint| endpoint["subject"] == "cinema.qry.users.users").unwrap();
        assert_ne!(users["num_errors"], 0, "the service's own trouble is counted: {users:#}");
    });
}

#[test]
fn a_cancelled_showtime_and_a_deleted_user_lose_their_bookings() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let (ada, bob, showtime, other) =
            tokio::join!(user(&broker), user(&broker), showtime(&broker), showtime(&broker));
        let place = async |user: &Value, showtime: &Value, seat: &str| {
            let order = json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] });
            broker.accepted(Service::Bookings, "place", order).await["id"].clone()
        };
        let first = place(&ada, &showtime, "A1").await;
        let second = place(&ada, &other, "A1").await;
        let third = place(&bob, &other, "A2").await;
        // The read tables are told of a new booking, and of its showtime, a moment after whoever placed it.
        for booking in [&first, &second, &third] {
            let wanted = json!({ "id": booking }).to_string();
            let there =
                async || broker.request(&Service::Bookings.query("booking"), wanted.as_bytes()).await.1.is_none();
            eventually("the booking", async || there().await.then_some(())).await;
        }
        let status = async |booking: &Value| {
            broker.query(Service::Bookings, "booking", json!({ "id": booking })).await["status"].clone()
        };
        broker.accepted(Service::Movies, "cancel", json!({ "id": showtime })).await;
        eventually("it is cancelled", async || (status(&first).await == "cancelled").then_some(())).await;
        assert_eq!(status(&second).await, "confirmed");
        broker.accepted(Service::Users, "delete", json!({ "id": ada })).await;
        eventually("it is cancelled", async || (status(&second).await == "cancelled").then_some(())).await;
        assert_eq!(status(&third).await, "confirmed");
        assert_eq!(state(&broker, &other, "A1").await, "free");
        for (user, showtime) in [(&bob, &showtime), (&ada, &other)] {
            let order = json!({ "user_id": user, "showtime_id": showtime, "seats": ["A3"] });
            assert_eq!(broker.ask(Service::Bookings, "place", order).await.status, OutcomeStatus::Refused);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_what_never_comes_keeps_nobody_from_an_answer() {
    const WAITING: usize = 600;
    let cinema = Cinema::start().await;
    let broker = cinema.broker().await;
    let made_up = HeaderMap::from_iter([(headers::MIN_POSITION.parse().unwrap(), "movies=9000000000000000000".into())]);
    let (client, subject) = (broker.client.clone(), Service::Movies.query("movies"));
    let ask = move |_| {
        let (client, subject, headers) = (client.clone(), subject.clone(), made_up.clone());
        async move { client.request_with_headers(subject, headers, "{}".into()).await.expect("a reply") }
    };
    let waiting = tokio::spawn(join_all((0..WAITING).map(ask)));
    eventually("that not all of them may wait", async || {
        let labels = ["subject=\"cinema.qry.movies.movies\"", "result=\"unavailable\""];
        (cinema.figure("movies", "marquee_question_seconds_count", &labels).await > 0.0).then_some(())
    })
    .await;
    let began = Instant::now();
    broker.query(Service::Movies, "movies", json!({})).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for reply in waiting.await.expect("replies") {
        assert!(reply.headers.is_some_and(|headers| headers.get(NATS_SERVICE_ERROR_CODE).is_some()));
    }
}
