//! Everyone keeps to their own: what Marquee does itself is granted, nobody gets anything stored through a reply, the
//! contexts for the nats command are private, and each service's account reaches its own database only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use async_nats::{HeaderMap, jetstream};
use contracts::Service;
use contracts::subjects::headers;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use futures_util::StreamExt;
use marquee::servers::{NATS, SUBSCRIBERS_API, cli_folder};
use system_tests::{NatsUser, on_shared_cinema, samples};
use uuid::Uuid;

#[test]
fn what_marquee_does_itself_is_never_refused() {
    on_shared_cinema(async |cinema| {
        cinema.seed().await;
        let (_, said) = cinema.verify(&[]).await;
        assert!(said.contains("events in"), "{said}");
        let log = cinema.log(NATS);
        // Our programs name themselves; what other tests try is theirs.
        let ours = |line: &&str| line.contains("Violation") && line.contains(":marquee-");
        let refused: Vec<&str> = log.lines().filter(ours).collect();
        assert!(refused.is_empty(), "{refused:#?}");
        for url in cinema.nats_server.urls().values() {
            let password = url.split([':', '@']).nth(2).unwrap();
            for program in ["users", "movies", "bookings", "gateway", NATS] {
                assert!(!cinema.log(program).contains(password), "a password in the log of {program}");
            }
        }
    });
}

#[test]
fn a_service_answers_on_inboxes_only() {
    on_shared_cinema(async |cinema| {
        let operator = cinema.broker().await;
        let before = operator.last_sequence(Service::Users).await;
        let event = Service::Users.event(Uuid::now_v7(), "user-registered");
        let question = Service::Users.query("users");
        operator.client.publish_with_reply(question, event.clone(), "{}".into()).await.unwrap();
        let mut with = HeaderMap::new();
        with.insert(headers::REPLY_TO, event);
        let id = Uuid::now_v7();
        with.insert(headers::MESSAGE_ID, id.to_string());
        let user = samples::user().to_string();
        operator.publish(Service::Users, "register", user, with).await;
        let outcome = operator.outcome(Service::Users, id).await;
        let events = operator.events(Service::Users, outcome.position).await;
        // Nothing but what the journal has: the relay would raise an alarm otherwise.
        assert!(events.len() as u64 > before && events.iter().all(|event| event.attributes.contains_key("id")));
    });
}

#[test]
fn a_subscriber_reads_events_and_gets_nothing_stored() {
    on_shared_cinema(async |cinema| {
        let (operator, subscriber) = (cinema.broker().await, cinema.broker_as(NatsUser::Subscriber).await);
        let own = jetstream::with_prefix(subscriber.client.clone(), SUBSCRIBERS_API);
        let mut live = subscriber.client.subscribe("cinema.evt.>").await.unwrap();
        subscriber.client.flush().await.unwrap();
        let details = samples::user();
        let last = operator.ask(Service::Users, "register", details).await.position;
        live.next().await.expect("an event");

        // By a consumer of its own that waits for acknowledgements.
        let config = jetstream::consumer::pull::Config { durable_name: Some("mine".into()), ..Default::default() };
        let stream = own.get_stream_no_info(Service::Users.events_stream()).await.unwrap();
        let consumer = stream.create_consumer(config).await.unwrap();
        let event = consumer.messages().await.unwrap().next().await.unwrap().unwrap();
        assert_eq!(event.info().unwrap().stream_sequence, 1);
        event.double_ack().await.unwrap();

        // Replies and events that it would have stored in event streams, or taken for commands.
        for subject in [
            Service::Users.event(Uuid::nil(), "done"),
            Service::Movies.event(Uuid::nil(), "done"),
            Service::Users.command("register"),
            "$JS.API.STREAM.PURGE.USERS_EVENTS".into(),
        ] {
            let ask = async |api: &str, payload: &'static str| {
                let api = format!("{SUBSCRIBERS_API}.{api}");
                subscriber.client.publish_with_reply(api, subject.clone(), payload.into()).await.unwrap();
            };
            ask("STREAM.NAMES", "").await;
            ask("STREAM.INFO.USERS_EVENTS", "").await;
            ask("CONSUMER.MSG.NEXT.USERS_EVENTS.mine", r#"{"batch":1,"no_wait":true}"#).await;
            // Refused, or in vain; also what has no body, which is all that some requests to the broker need.
            let push = jetstream::consumer::push::Config { deliver_subject: subject.clone(), ..Default::default() };
            let bare = jetstream::consumer::push::Config { headers_only: true, ..push.clone() };
            let idle_heartbeat = Duration::from_millis(100);
            for push in [push.clone(), bare, jetstream::consumer::push::Config { idle_heartbeat, ..push }] {
                let _ = stream.create_consumer(push).await;
            }
        }
        subscriber.client.flush().await.unwrap();
        own.stream_names().next().await.expect("all has been worked on").unwrap();
        for service in [Service::Users, Service::Movies] {
            let last = operator.last_sequence(service).await.max(if service == Service::Users { last } else { 0 });
            let events = operator.events(service, last).await;
            assert!(events.iter().all(|event| event.attributes["source"] == format!("/marquee/{service}")));
        }
    });
}

#[test]
fn only_their_owner_reads_the_contexts_of_the_nats_command() {
    on_shared_cinema(async |cinema| {
        for user in ["operator", "subscriber", "provisioner"] {
            let file = cli_folder(cinema.folder()).join(format!("nats/context/marquee-{user}.json"));
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    });
}

#[test]
fn each_account_reaches_its_own_database_only() {
    on_shared_cinema(async |cinema| {
        let urls = cinema.database.urls();
        for (own, url) in urls {
            let mut connection = AsyncMysqlConnection::establish(url).await.unwrap();
            let mut run = async |statement: String| connection.batch_execute(&statement).await;
            run("SELECT COUNT(*) FROM journal".into()).await.unwrap();
            run(format!("USE marquee_{own}")).await.unwrap();
            for other in urls.keys().filter(|other| *other != own) {
                for statement in [
                    format!("USE marquee_{other}"),
                    format!("SELECT COUNT(*) FROM marquee_{other}.journal"),
                    format!("DELETE FROM marquee_{other}.journal"),
                    format!("CREATE TABLE marquee_{other}.mine (id INT)"),
                    format!("GRANT ALL ON marquee_{other}.* TO CURRENT_USER"),
                ] {
                    let error = run(statement.clone()).await.expect_err(&statement).to_string();
                    assert!(error.contains("denied"), "{statement}: {error}");
                }
                let elsewhere = url.replace(&format!("/marquee_{own}"), &format!("/marquee_{other}"));
                assert_ne!(&elsewhere, url);
                assert!(AsyncMysqlConnection::establish(&elsewhere).await.is_err(), "{own} opens {other}'s database");
            }
            for statement in ["SELECT * FROM mysql.user", "CREATE DATABASE marquee_other", "CREATE USER mine"] {
                assert!(run(statement.into()).await.is_err(), "{own}: {statement}");
            }
        }
    });
}
