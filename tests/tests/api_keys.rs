//! API keys at the REST door.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Answer, Api, on_shared_cinema, samples};
use uuid::Uuid;

fn key(roles: &[&str]) -> Value {
    json!({ "name": format!("Box office {}", Uuid::now_v7()), "roles": roles })
}

/// REST for a program that has this key.
fn with(api: &Api, made: &Answer) -> Api {
    api.with_token(made.body["secret"].as_str().expect("a secret"))
}

#[test]
fn a_key_opens_what_its_roles_are_for_until_it_is_revoked() {
    on_shared_cinema(async |cinema| {
        let wanted = key(&["staff"]);
        let made = cinema.api.post("/api/api-keys", &wanted).await.expect(201);
        assert_eq!(made.header("cache-control"), "no-store");
        assert_eq!((&made.body["name"], &made.body["roles"]), (&wanted["name"], &wanted["roles"]));
        let program = with(&cinema.api, &made);
        program.post("/api/movies", &samples::movie()).await.expect(201);
        program.get("/api/users").await.expect(403).expect_problem("forbidden");
        program.post("/api/api-keys", &key(&["admin"])).await.expect(403).expect_problem("forbidden");
        let customer = with(&cinema.api, &cinema.api.post("/api/api-keys", &key(&["customer"])).await.expect(201));
        customer.post("/api/movies", &samples::movie()).await.expect(403).expect_problem("forbidden");

        let path = made.header("location");
        program.delete(path).await.expect(403);
        cinema.api.delete(path).await.expect(204);
        program.get("/api/movies").await.expect(401).expect_problem("unauthenticated");
        cinema.api.delete(path).await.expect(404).expect_problem("not-found");
    });
}

#[test]
fn a_key_is_shown_once_and_its_secret_is_kept_nowhere() {
    on_shared_cinema(async |cinema| {
        let made = cinema.api.post("/api/api-keys", &key(&["staff"])).await.expect(201);
        let secret = made.body["secret"].as_str().unwrap();
        let listed = cinema.api.all("/api/api-keys").await;
        let listed = listed.iter().find(|key| key["id"] == made.body["id"]).expect("the key");
        let mut known = made.body.clone();
        known.as_object_mut().unwrap().remove("secret");
        assert_eq!(listed, &known);

        let right = secret.rsplit('_').next().unwrap();
        let name = made.body["name"].as_str().unwrap().to_owned();
        assert!(!cinema.traces(&[name]).await.is_empty(), "what is stored is found");
        assert_eq!(cinema.traces(&[secret.to_owned(), right.to_owned()]).await, [""; 0]);
        let other = cinema.api.post("/api/api-keys", &key(&["staff"])).await.expect(201);
        let other_secret = other.body["secret"].as_str().unwrap().rsplit('_').next().unwrap();
        let mixed = secret.replace(right, other_secret);
        for bad in [mixed.as_str(), &secret[..secret.len() - 1], &format!("{secret}A"), "mqk_", "mqk_a_b"] {
            cinema.api.with_token(bad).get("/api/movies").await.expect(401).expect_problem("unauthenticated");
        }
    });
}

#[test]
fn a_repeat_with_the_same_key_of_idempotency_shows_the_same_secret() {
    on_shared_cinema(async |cinema| {
        let (wanted, repeat) = (key(&["staff"]), Uuid::now_v7().to_string());
        let make = async |wanted: &Value| {
            let request = cinema.api.request(Method::POST, "/api/api-keys").json(wanted);
            cinema.api.send(request.header("Idempotency-Key", &repeat)).await
        };
        let first = make(&wanted).await.expect(201);
        assert_eq!(make(&wanted).await.expect(201).body, first.body, "an answer that was lost costs no key");
        make(&key(&["admin"])).await.expect(422).expect_problem("idempotency-mismatch");
    });
}

#[test]
fn what_is_wrong_with_a_key_is_named() {
    on_shared_cinema(async |cinema| {
        for (wanted, field) in [
            (json!({ "name": "", "roles": ["staff"] }), "name"),
            (json!({ "name": "a".repeat(101), "roles": ["staff"] }), "name"),
            (json!({ "name": "a", "roles": [] }), "roles"),
            (json!({ "name": "a", "roles": ["staff"], "secret": "mine" }), "secret"),
            (json!({ "name": "a", "roles": ["owner"] }), "roles[0]"),
        ] {
            cinema.api.post("/api/api-keys", &wanted).await.expect_invalid(field);
        }
    });
}

#[test]
fn a_key_is_told_whatever_the_caller_prefers() {
    on_shared_cinema(async |cinema| {
        let request = cinema.api.request(Method::POST, "/api/api-keys").header("prefer", "respond-async");
        let made = cinema.api.send(request.json(&key(&["staff"]))).await.expect(201);
        with(&cinema.api, &made).get("/api/movies").await.expect(200);
    });
}
