//! Dead letters at the REST door and at the command line: looked at, sent again, dropped.

use contracts::{Role, Service};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::samples::with;
use system_tests::{Api, Broker, Cinema, NatsUser, eventually, on_shared_cinema, samples};
use uuid::Uuid;

async fn letter_of(api: &Api, command: Uuid) -> Value {
    eventually("a dead letter", async || {
        let letters = api.all("/api/dead-letters").await;
        letters.into_iter().find(|letter| letter["command_id"] == json!(command))
    })
    .await
}

/// A command that nobody can read, and its letter.
async fn unreadable(cinema: &Cinema, broker: &Broker, service: Service, command: &str, payload: &str) -> Value {
    let id = Uuid::now_v7();
    broker.command(service, command, payload, id).await;
    letter_of(&cinema.api, id).await
}

fn path(letter: &Value) -> String {
    format!("/api/dead-letters/{}", letter["id"])
}

#[test]
fn a_letter_tells_whose_it_was_why_it_is_here_and_what_was_sent() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let letter = unreadable(cinema, &broker, Service::Bookings, "place", r#"{"seats":["A1"]}"#).await;
        for (field, value) in [("service", "bookings"), ("command", "place"), ("actor", "operator")] {
            assert_eq!(letter[field], value);
        }
        assert!(letter["reason"].as_str().unwrap().contains("user_id"), "{letter:#}");
        assert!(letter.get("payload").is_none());
        let whole = cinema.api.get(&path(&letter)).await.expect(200).body;
        assert_eq!((&whole["payload"], &whole["size"]), (&json!(r#"{"seats":["A1"]}"#), &json!(16)));

        // Who gave a command in a batch is remembered.
        let (id, user) = (Uuid::now_v7(), Uuid::now_v7());
        let batch = json!([{ "specversion": "1.0", "id": id, "source": "/tests", "type": "place",
            "marqueeactor": format!("user:{user}:customer"), "data": { "seats": 7 } }]);
        let provisioner = cinema.broker_as(NatsUser::Provisioner).await;
        provisioner.command(Service::Bookings, "batch", batch.to_string(), Uuid::now_v7()).await;
        assert_eq!(letter_of(&cinema.api, id).await["actor"], format!("user:{user}:customer"));
    });
}

#[test]
fn letters_are_listed_page_by_page_and_by_service() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        for _ in 0..3 {
            unreadable(cinema, &broker, Service::Movies, "add", "{").await;
        }
        let all = cinema.api.all("/api/dead-letters?service=movies").await;
        assert!(all.len() >= 3 && all.iter().all(|letter| letter["service"] == "movies"));
        let pages = cinema.api.pages("/api/dead-letters?service=movies&limit=2").await;
        assert!(pages.len() >= 2);
        // Others may add to them meanwhile.
        assert!(pages.concat().starts_with(&all));
        cinema.api.get("/api/dead-letters?service=cinema").await.expect_invalid("service");
        cinema.api.get("/api/dead-letters?cursor=x").await.expect_invalid("cursor");
    });
}

#[test]
fn a_letter_is_dropped_for_good() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let letter = unreadable(cinema, &broker, Service::Users, "register", "not JSON at all").await;
        let path = path(&letter);
        // It could not be read the next time either, so it stays until somebody drops it.
        let again = cinema.api.post(&format!("{path}/retry"), &json!({})).await;
        again.expect(409).expect_problem("not-retriable");
        cinema.api.delete(&path).await.expect(204);
        for gone in [
            cinema.api.get(&path).await,
            cinema.api.delete(&path).await,
            cinema.api.post(&format!("{path}/retry"), &json!({})).await,
        ] {
            gone.expect(404).expect_problem("not-found");
        }
        cinema.api.get("/api/dead-letters/x").await.expect_invalid("id");
        cinema.api.get("/api/dead-letters/0").await.expect(404).expect_problem("not-found");
    });
}

#[test]
fn letters_are_for_admins_only() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let path = path(&unreadable(cinema, &broker, Service::Users, "register", "{}").await);
        let staff = cinema.api.with_token(cinema.token(Role::Staff));
        for (method, path) in [
            (Method::GET, "/api/dead-letters"),
            (Method::GET, &path),
            (Method::DELETE, &path),
            (Method::POST, &format!("{path}/retry")),
        ] {
            let request = |api: &Api| api.request(method.clone(), path);
            staff.send(request(&staff)).await.expect(403).expect_problem("forbidden");
            let nobody = staff.anonymous();
            nobody.send(request(&nobody)).await.expect(401).expect_problem("unauthenticated");
        }
        cinema.api.get(&path).await.expect(200);
    });
}

/// Takes the movies service a table away that it needs for every command, or gives it back.
async fn rename(cinema: &Cinema, from: &str, to: &str) {
    let url = &cinema.database.urls()[&Service::Movies];
    let mut connection = AsyncMysqlConnection::establish(url).await.expect("a connection");
    connection.batch_execute(&format!("RENAME TABLE {from} TO {to}")).await.expect("another name");
}

#[tokio::test]
async fn what_failed_again_and_again_is_sent_again_and_takes_effect_once() {
    let cinema = Cinema::start().await;
    let (api, broker) = (&cinema.api, cinema.broker().await);
    rename(&cinema, "outcomes", "elsewhere").await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let title = |id: Uuid| format!("Metropolis {}", id.simple());
    for id in [first, second] {
        let movie = with(samples::movie(), "title", title(id));
        broker.command(Service::Movies, "add", movie.to_string(), id).await;
    }
    let letters = [letter_of(api, first).await, letter_of(api, second).await];
    assert!(letters[0]["reason"].as_str().unwrap().starts_with("failed 5 times"), "{:#}", letters[0]);

    // Sent again too early, it is a letter again; nothing is lost.
    api.post(&format!("{}/retry", path(&letters[0])), &json!({})).await.expect(202);
    let again = eventually("the letter again", async || {
        let letter = letter_of(api, first).await;
        (letter["id"] != letters[0]["id"]).then_some(letter)
    })
    .await;

    rename(&cinema, "elsewhere", "outcomes").await;
    let answer = api.post(&format!("{}/retry", path(&again)), &json!({})).await.expect(202);
    assert_eq!(answer.header("location"), format!("/api/operations/{first}"));
    let accepted = async |id: Uuid| {
        let path = format!("/api/operations/{id}");
        eventually("an outcome", async || (api.get(&path).await.body["status"] == "accepted").then_some(())).await;
    };
    accepted(first).await;

    // The other one is given again by somebody else meanwhile; then the letter has no effect.
    let batch = json!([samples::batched(second, "add", &with(samples::movie(), "title", title(second)))]);
    let provisioner = cinema.broker_as(NatsUser::Provisioner).await;
    provisioner.command(Service::Movies, "batch", batch.to_string(), Uuid::now_v7()).await;
    accepted(second).await;
    // What is accepted is published a moment later.
    assert_eq!(broker.events(Service::Movies, 2).await.len(), 2);
    let said = cinema.marquee(&["dlq", "retry", &letters[1]["id"].to_string()]).await;
    assert!(said.contains(&format!("/api/operations/{second}")), "{said}");
    eventually("no letters", async || api.all("/api/dead-letters").await.is_empty().then_some(())).await;
    accepted(second).await;
    assert_eq!(broker.last_sequence(Service::Movies).await, 2);
    for id in [first, second] {
        assert_eq!(api.all(&format!("/api/movies?title={}", id.simple())).await.len(), 1);
    }
}

#[test]
fn the_command_line_lists_shows_and_drops() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker().await;
        let letter = unreadable(cinema, &broker, Service::Bookings, "place", "{\"seats\":\"\u{1b}[2J\"}").await;
        let id = letter["id"].to_string();
        let listed = cinema.marquee(&["dlq", "list", "--service", "bookings"]).await;
        let line = listed.lines().find(|line| line.starts_with(&format!("{id}\t"))).expect("the letter");
        assert!(line.contains("\tbookings\tplace\t"), "{line}");
        let shown = cinema.marquee(&["dlq", "show", &id]).await;
        for part in ["operator", letter["reason"].as_str().unwrap(), "{\"seats\":\""] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(!shown.contains('\u{1b}'), "a terminal obeys nobody's letter");
        assert_eq!(cinema.marquee(&["dlq", "drop", &id]).await, format!("{id}: dropped\n"));
        cinema.api.get(&path(&letter)).await.expect(404);
        let complaint = cinema.marquee_fails(&["dlq", "retry", &id]).await;
        assert_eq!(complaint, format!("marquee: Not found: there is no dead letter {id}\n"));
    });
}
