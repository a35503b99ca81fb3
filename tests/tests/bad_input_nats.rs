//! Whatever comes in at the NATS door: every command is decided or becomes a dead letter, every request is answered, and
//! nobody after it has to wait.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Message};
use contracts::Service;
use contracts::subjects::{BATCH, headers};
use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::select;
use serde_json::{Value, json};
use system_tests::nasty::{change, changed, json as nasty_json, text};
use system_tests::{Broker, Cinema, NatsUser, eventually, holds_for, on_shared_cinema, samples};
use tokio::time::timeout;
use uuid::Uuid;

/// How long whatever comes next may have to wait.
const SOON: Duration = Duration::from_secs(5);
/// Messages that are sent together, as one case.
const TOGETHER: std::ops::Range<usize> = 1..20;

/// Commands with payloads that are right, as far as they go.
fn commands() -> Vec<(Service, &'static str, Value)> {
    let id = Uuid::now_v7();
    let showtime = samples::showtime(&id.to_string(), &id.to_string());
    vec![
        (Service::Users, "register", samples::user()),
        (Service::Users, "delete", json!({ "id": id })),
        (Service::Movies, "add", samples::movie()),
        (Service::Movies, "add-hall", samples::hall()),
        (Service::Movies, "schedule", showtime),
        (Service::Bookings, "place", json!({ "user_id": id, "showtime_id": id, "seats": ["A1"] })),
        (Service::Bookings, "cancel", json!({ "id": id })),
        (Service::Bookings, "no-such-command", json!({})),
        (Service::Users, BATCH, batch("register", samples::user())),
        (Service::Movies, BATCH, batch("no-such-command", json!({}))),
    ]
}

fn batch(name: &str, data: Value) -> Value {
    json!([{ "specversion": "1.0", "id": Uuid::now_v7(), "source": "/tests", "type": name, "marqueeactor": "operator",
        "marqueeexpires": "2100-01-01T00:00:00Z", "marqueeifversion": 1, "data": data }])
}

/// A message on the way to a service.
type Sent = (usize, Vec<u8>, Vec<(&'static str, String)>);

fn sent() -> impl Strategy<Value = Sent> {
    let payload = prop_oneof![
        1 => vec(any::<u8>(), 0..100).prop_map(|bytes| (None, bytes)),
        2 => nasty_json().prop_map(|bytes| (None, bytes)),
        4 => change().prop_map(|change| (Some(change), Vec::new())),
    ];
    (0..commands().len(), payload, vec(header(), 0..3)).prop_map(|(command, (change, bytes), headers)| {
        let payload = change.map_or(bytes, |change| changed(&commands()[command].2, &change));
        (command, payload, headers)
    })
}

/// A header that a careless client might send; NATS itself allows no line breaks in it.
fn header() -> impl Strategy<Value = (&'static str, String)> {
    let names = [headers::ACTOR, headers::EXPIRES, headers::IF_VERSION, headers::REPLY_TO, headers::TRACEPARENT, "a"];
    const ODD: [&str; 10] = [
        "-1",
        "99999999999999999999",
        "2100-01-01T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "a b",
        "a..b",
        ">",
        "cinema.cmd.users.batch",
        "cinema.dlq.users",
        "*",
    ];
    let value = prop_oneof![select(ODD.as_slice()).prop_map(str::to_owned), text()];
    (select(names.to_vec()), value.prop_map(|text| text.replace(['\r', '\n'], " ")))
}

/// The ids of the commands that became dead letters.
async fn buried(broker: &Broker) -> BTreeSet<String> {
    let id = |letter: &Message| Some(letter.headers.as_ref()?.get(headers::COMMAND_ID)?.to_string());
    broker.dead_letters().await.iter().filter_map(id).collect()
}

/// All commands are done with, soon.
async fn nothing_waits(broker: &Broker) -> Result<(), String> {
    let jetstream = jetstream::new(broker.client.clone());
    for service in Service::ALL {
        let empty = eventually("no commands", async || {
            let mut stream = jetstream.get_stream(service.commands_stream()).await.ok()?;
            (stream.info().await.ok()?.state.messages == 0).then_some(())
        });
        timeout(SOON, empty).await.map_err(|_| format!("commands of {service} are stuck"))?;
    }
    Ok(())
}

/// What all that was good for: somebody can still book, at once, and nothing had to be started again.
async fn books(cinema: &Cinema) {
    let booked = async {
        let (user, showtime) = (cinema.user().await, cinema.showtime().await);
        cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    };
    timeout(SOON, booked).await.expect("a booking in time");
}

#[test]
fn any_command_is_decided_or_set_aside() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        holds_for(60, vec(sent(), TOGETHER), async |messages: Vec<Sent>| {
            let mut ids = Vec::new();
            for (command, payload, others) in messages {
                let (service, name, _) = commands()[command];
                let id = Uuid::now_v7();
                let mut with = HeaderMap::new();
                others.iter().for_each(|(name, value)| with.insert(*name, value.as_str()));
                with.insert(headers::MESSAGE_ID, id.to_string());
                broker.publish(service, name, payload, with).await;
                if name != BATCH {
                    ids.push((service, id));
                }
            }
            nothing_waits(&broker).await?;
            let buried = buried(&broker).await;
            for (service, id) in ids {
                let question = json!({ "command_id": id }).to_string();
                let (_, code) = broker.request(&service.query("operation"), question.as_bytes()).await;
                let decided = code.is_none();
                if decided == buried.contains(&id.to_string()) {
                    return Err(format!("{id} of {service}: decided is {decided}, and so is set aside"));
                }
            }
            Ok(())
        });
        books(cinema).await;
    });
}

#[test]
fn any_request_is_answered() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        let subjects: Vec<String> = commands()
            .iter()
            .filter(|(_, name, _)| !matches!(*name, BATCH | "no-such-command"))
            .map(|(service, name, _)| service.ask(name))
            .chain(["user", "users", "names", "operation", "audit"].map(|name| Service::Users.query(name)))
            .chain(["movies", "hall", "showtimes", "operation", "audit"].map(|name| Service::Movies.query(name)))
            .chain(["booking", "bookings", "seats", "operation", "audit"].map(|name| Service::Bookings.query(name)))
            .chain([Service::Users.rpc("check"), Service::Movies.rpc("check")])
            .collect();
        let payload = prop_oneof![vec(any::<u8>(), 0..100), nasty_json()];
        let min_position = prop_oneof![
            select(["", "users=-1", "a", "users=0,,", "users=1e9"].as_slice()).prop_map(str::to_owned),
            text()
        ];
        let one = (select(subjects), payload, min_position.prop_map(|text| text.replace(['\r', '\n'], " ")), header());
        holds_for(60, vec(one, TOGETHER), async |requests| {
            let asked = requests.into_iter().map(async |(subject, payload, position, (name, value))| {
                let mut with = HeaderMap::new();
                with.insert(name, value);
                with.insert(headers::MIN_POSITION, position);
                let reply = broker.client.request_with_headers(subject.clone(), with, payload.into());
                let reply = timeout(SOON, reply).await.map_err(|_| format!("{subject} does not answer"))?;
                let reply = reply.map_err(|error| format!("{subject}: {error}"))?;
                let code = reply.headers.as_ref().and_then(|headers| headers.get("Nats-Service-Error-Code"));
                match code.map(|code| code.as_str()) {
                    Some("500") => Err(format!("{subject}: {:?} {:?}", reply.headers, reply.payload)),
                    _ => Ok(()),
                }
            });
            join_all(asked).await.into_iter().collect()
        });
        books(cinema).await;
    });
}

#[test]
fn a_message_id_may_be_anything() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        holds_for(100, (text(), nasty_json()), async |(id, payload)| {
            let mut with = HeaderMap::new();
            with.insert(headers::MESSAGE_ID, id.replace(['\r', '\n'], " "));
            broker.publish(Service::Users, "register", payload, with).await;
            Ok(())
        });
        nothing_waits(&broker).await.unwrap();
        books(cinema).await;
    });
}

#[test]
fn a_good_command_with_an_odd_header_holds_nobody_up() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        let long = "é".repeat(3000);
        let odd = [
            "",
            " ",
            "a b",
            "a b c d",
            "a..b",
            ".",
            ">",
            "a.*",
            "\t",
            "\u{202e}",
            "$JS.API.STREAM.DELETE.USERS_COMMANDS",
            &long,
        ];
        for name in [headers::REPLY_TO, headers::ACTOR, headers::TRACEPARENT, headers::IF_VERSION, headers::EXPIRES] {
            for value in odd {
                let mut with = HeaderMap::new();
                with.insert(name, value);
                with.insert(headers::MESSAGE_ID, Uuid::now_v7().to_string());
                broker.publish(Service::Users, "register", samples::user().to_string(), with).await;
            }
            nothing_waits(&broker).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        books(cinema).await;
    });
}

#[test]
fn a_name_in_a_batch_may_be_anything() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        for name in ["", "a\r\nNats-Msg-Id: b\r\n\r\n", "a b", "\0", "\u{202e}", &"é".repeat(400_000)] {
            let batch = batch(name, json!({}));
            broker.publish(Service::Movies, BATCH, batch.to_string(), HeaderMap::new()).await;
            nothing_waits(&broker).await.unwrap_or_else(|error| panic!("{:.20}: {error}", name));
            let id = batch[0]["id"].as_str().unwrap();
            let letter = broker.dead_letter(headers::COMMAND_ID, id).await;
            assert_eq!(letter.payload.as_ref(), b"{}");
        }
        books(cinema).await;
    });
}
