//! Writes that are not waited for: `Prefer`, and operations.

use std::time::{Duration, Instant};

use contracts::Service;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Answer, Api, Cinema, eventually, on_shared_cinema, samples};
use uuid::Uuid;

async fn post(api: &Api, path: &str, body: &Value, prefer: &str) -> Answer {
    api.send(api.request(Method::POST, path).header("prefer", prefer).json(body)).await
}

/// What became of an operation, once that is known.
async fn decided(api: &Api, path: &str) -> Answer {
    eventually("the operation is decided", async || {
        let operation = api.get(path).await.expect(200);
        (operation.body["status"] != "pending").then_some(operation)
    })
    .await
}

#[test]
fn an_asynchronous_write_is_accepted_at_once_and_its_operation_ends() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        // Whoever is quick enough may know the outcome already, and then it is the answer.
        let (movie, accepted) = eventually("an outcome that is not known yet", async || {
            let movie = samples::with(samples::movie(), "title", Uuid::now_v7().to_string());
            let answer = post(api, "/api/movies", &movie, "respond-async").await;
            (answer.expect_one_of(&[201, 202]).status == 202).then_some((movie, answer))
        })
        .await;
        assert_eq!(accepted.header("preference-applied"), "respond-async");
        assert_eq!(accepted.header("content-type"), "application/json");
        let id = accepted.header("location").strip_prefix("/api/operations/").expect("an operation");
        assert_eq!(accepted.body, json!({ "id": id, "status": "pending" }));

        let operation = decided(api, accepted.header("location")).await;
        assert_eq!((&operation.body["id"], &operation.body["status"]), (&json!(id), &json!("accepted")));
        assert!(
            operation.body["decided_at"].is_string() && operation.header("marquee-position").starts_with("movies=")
        );
        assert_eq!(operation.body["result"]["title"], movie["title"]);
        let found = api.get(&format!("/api/movies/{}", operation.body["result"]["id"].as_str().unwrap())).await;
        assert_eq!(found.expect(200).body, operation.body["result"]);
    });
}

#[test]
fn an_asynchronous_write_can_be_refused_later() {
    on_shared_cinema(async |cinema| {
        let (api, user) = (&cinema.api, samples::user());
        api.post("/api/users", &user).await.expect(201);
        let accepted = eventually("an outcome that is not known yet", async || {
            let answer = post(api, "/api/users", &user, "respond-async").await;
            (answer.expect_one_of(&[409, 202]).status == 202).then_some(answer)
        })
        .await;
        let operation = decided(api, accepted.header("location")).await.body;
        assert_eq!(operation["status"], "refused");
        assert_eq!(operation["problem"]["type"], "urn:marquee:problem:email-taken");
        assert_eq!((&operation["problem"]["status"], operation.get("result")), (&json!(409), None));
        // What is wrong with the form is not put off.
        post(api, "/api/users", &json!({}), "respond-async").await.expect_invalid(".");
    });
}

#[test]
fn a_write_that_is_waited_for_is_answered_as_usual() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        for (prefer, applied) in [
            ("wait=20", Some("wait=20")),
            ("respond-async, wait=20", Some("respond-async, wait=20")),
            ("wait=3600", Some("wait=60")),
            ("wait=soon", None),
            ("return=minimal", None),
            ("", None),
        ] {
            let answer = post(api, "/api/users", &samples::user(), prefer).await.expect(201);
            let said = answer.headers.get("preference-applied").map(|value| value.to_str().unwrap());
            assert_eq!(said, applied, "{prefer}");
            assert!(answer.header("location").starts_with("/api/users/"));
        }
    });
}

#[test]
fn an_operation_tells_nothing_personal() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        let accepted = eventually("an outcome that is not known yet", async || {
            let answer = post(api, "/api/users", &samples::user(), "respond-async").await;
            (answer.expect_one_of(&[201, 202]).status == 202).then_some(answer)
        })
        .await;
        let operation = decided(api, accepted.header("location")).await.body;
        assert_eq!(operation["result"], json!({ "id": operation["result"]["id"], "version": 1 }));
    });
}

#[test]
fn an_operation_that_nobody_knows_is_not_found() {
    on_shared_cinema(async |cinema| {
        let unknown = format!("/api/operations/{}", Uuid::now_v7());
        cinema.api.get(&unknown).await.expect(404).expect_problem("not-found");
        cinema.api.get("/api/operations/1").await.expect_invalid("id");
        cinema.api.delete(&unknown).await.expect(405).expect_problem("method-not-allowed");
    });
}

#[tokio::test]
async fn what_cannot_be_decided_yet_waits_for_the_service() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.stop(Service::Bookings.name()).await;
    let booking = json!({ "user_id": user, "showtime_id": showtime, "seats": ["A1"] });
    let order = async |cinema: &Cinema, prefer: &str| {
        let request = cinema.api.request(Method::POST, "/api/bookings").header("idempotency-key", "mine");
        cinema.api.send(request.header("prefer", prefer).json(&booking)).await
    };
    let begun = Instant::now();
    let accepted = order(&cinema, "wait=1").await.expect(202);
    assert!((Duration::from_secs(1)..Duration::from_secs(9)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(accepted.header("preference-applied"), "wait=1");
    let operation = cinema.api.get(accepted.header("location")).await.expect(200);
    assert_eq!((&operation.body, operation.header("retry-after")), (&accepted.body, "1"));
    let running = order(&cinema, "wait=1").await.expect(409).expect_problem("still-running");
    assert_eq!(running.header("retry-after"), "1");

    cinema.start_again(Service::Bookings.name()).await;
    let operation = decided(&cinema.api, accepted.header("location")).await.body;
    assert_eq!(operation["status"], "accepted");
    // The gateway is told of it a moment after the service tells whoever asks.
    let repeated = eventually("an answer", async || {
        let answer = order(&cinema, "wait=10").await;
        (answer.status != 409).then_some(answer)
    });
    let repeated = repeated.await.expect(201);
    // Of names, operations tell nothing.
    assert_eq!(samples::without(repeated.body.clone(), "user"), operation["result"]);
    let found = cinema.api.get(repeated.header("location")).await.expect(200);
    assert_eq!(found.body, repeated.body);
}
