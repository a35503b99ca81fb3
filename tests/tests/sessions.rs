//! Signing up, signing in, going on and signing out, at the REST door.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use system_tests::samples::{PASSWORD, Somebody, with};
use system_tests::{Answer, Api, Cinema, on_shared_cinema, samples};

async fn refresh(api: &Api, session: &Value) -> Answer {
    api.anonymous().post("/api/sessions/refresh", &json!({ "refresh_token": session["refresh_token"] })).await
}

#[track_caller]
fn expect_ended(answer: Answer) {
    answer.expect(401).expect_problem("unauthenticated");
}

#[test]
fn who_signs_up_can_sign_in_and_see_what_is_theirs() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let session = &ada.session;
        assert_eq!((&session["user_id"], &session["roles"]), (&json!(ada.id), &json!(["customer"])));
        assert_eq!(session["token_type"], "Bearer");
        let left = session["expires_in"].as_u64().expect("seconds");
        assert!((590..=600).contains(&left), "{left}");

        let again = ada.sign_in(PASSWORD).await.expect(201);
        assert_eq!(again.header("cache-control"), "no-store");
        assert_eq!(again.header("location"), format!("/api/sessions/{}", again.id()));
        assert_ne!(again.body["id"], session["id"]);
        let shouted = json!({ "email": ada.email.to_uppercase(), "password": PASSWORD });
        ada.api.anonymous().post("/api/sessions", &shouted).await.expect(201);

        let path = format!("/api/users/{}", ada.id);
        assert_eq!(ada.api.get(&path).await.expect(200).body["email"], json!(ada.email));
        ada.api.anonymous().get(&path).await.expect(401).expect_problem("unauthenticated");
    });
}

#[test]
fn wrong_credentials_are_refused_alike() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let without_password = samples::user();
        cinema.api.post("/api/users", &without_password).await.expect(201);
        let stranger = Somebody { email: "nobody@example.com".into(), ..cinema.customer().await };
        let unable = Somebody { email: without_password["email"].as_str().unwrap().into(), ..cinema.customer().await };
        let wrong = ada.sign_in("Zoopraxiscope-1880").await.expect(401).expect_problem("wrong-credentials");
        for other in [stranger.sign_in(PASSWORD).await, unable.sign_in(PASSWORD).await, ada.sign_in("").await] {
            assert_eq!(other.expect(401).body, wrong.body, "nobody learns which addresses there are");
        }
    });
}

#[test]
fn a_password_can_be_too_short_or_too_long_but_is_shown_nowhere() {
    on_shared_cinema(async |cinema| {
        let (api, ada) = (cinema.api.anonymous(), cinema.customer().await);
        let path = format!("/api/users/{}/password", ada.id);
        for bad in [json!("1234567"), json!("é".repeat(129)), json!(12_345_678), json!(["12345678"])] {
            let refused = api.post("/api/users", &with(samples::user(), "password", bad.clone())).await;
            let text = refused.expect_invalid("password").body.to_string();
            assert!(bad.as_str().is_none_or(|bad| !text.contains(bad)), "{text}");
            let change = json!({ "current_password": PASSWORD, "new_password": bad });
            ada.api.put(&path, &change).await.expect_invalid("new_password");
        }
        // Only an admin can add somebody who has none.
        api.post("/api/users", &samples::user()).await.expect_invalid("password");
        ada.api.post("/api/users", &samples::user()).await.expect_invalid("password");
        let longest = "é".repeat(128);
        let user = with(samples::user(), "password", longest.clone());
        api.post("/api/users", &user).await.expect(201);
        api.post("/api/sessions", &json!({ "email": user["email"], "password": longest })).await.expect(201);
    });
}

#[test]
fn a_refresh_token_is_good_once_and_its_reuse_ends_the_session() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let second = refresh(&ada.api, &ada.session).await.expect(200).body;
        assert_eq!((&second["id"], &second["user_id"]), (&ada.session["id"], &ada.session["user_id"]));
        assert_ne!(second["refresh_token"], ada.session["refresh_token"]);
        let third = refresh(&ada.api, &second).await.expect(200).body;
        let path = format!("/api/users/{}", ada.id);
        ada.with(&third).get(&path).await.expect(200);

        // Whoever has the second one now is not who was given the third.
        expect_ended(refresh(&ada.api, &second).await);
        expect_ended(refresh(&ada.api, &third).await);
        ada.sign_in(PASSWORD).await.expect(201);
    });
}

#[test]
fn of_many_who_come_with_one_refresh_token_at_most_one_goes_on() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let answers = join_all((0..8).map(|_| refresh(&ada.api, &ada.session))).await;
        let winners: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert!(winners.len() <= 1 && answers.iter().all(|answer| matches!(answer.status, 200 | 401)));
        for winner in winners {
            expect_ended(refresh(&ada.api, &winner.body).await);
        }
    });
}

#[test]
fn a_repeated_refresh_with_the_same_key_is_the_same_refresh() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let body = json!({ "refresh_token": ada.session["refresh_token"] });
        let again = async || {
            let request = ada.api.anonymous().request(reqwest::Method::POST, "/api/sessions/refresh").json(&body);
            ada.api.send(request.header("Idempotency-Key", &ada.id)).await
        };
        let (first, repeat) = (again().await.expect(200).body, again().await.expect(200).body);
        assert_eq!(first["id"], repeat["id"]);
        // An answer that was lost on the way has cost nobody the session.
        refresh(&ada.api, &repeat).await.expect(200);
        // When the session has ended, nobody gets tokens that are good for longer.
        let path = format!("/api/sessions/{}", first["id"].as_str().unwrap());
        ada.api.delete(&path).await.expect(204);
        let late = again().await.expect(200).body;
        for token in ["access_token", "refresh_token"] {
            assert_eq!((&repeat[token], &late[token]), (&first[token], &first[token]));
        }
        expect_ended(refresh(&ada.api, &late).await);
    });
}

#[test]
fn what_is_no_refresh_token_is_refused() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let good = ada.session["refresh_token"].as_str().unwrap();
        let (head, signature) = good.rsplit_once('.').unwrap();
        let access = ada.session["access_token"].as_str().unwrap();
        for bad in ["", "a.b.c", head, &format!("{head}."), &format!("{head}.{}", signature.to_uppercase()), access] {
            expect_ended(refresh(&ada.api, &json!({ "refresh_token": bad })).await);
        }
        // Nor is a refresh token an access token.
        expect_ended(ada.api.with_token(good).get(&format!("/api/users/{}", ada.id)).await);
    });
}

#[test]
fn who_signs_out_can_not_go_on() {
    on_shared_cinema(async |cinema| {
        let (ada, eve) = (cinema.customer().await, cinema.customer().await);
        let path = format!("/api/sessions/{}", ada.session["id"].as_str().unwrap());
        ada.api.anonymous().delete(&path).await.expect(401).expect_problem("unauthenticated");
        eve.api.delete(&path).await.expect(404).expect_problem("not-found");
        let other = ada.sign_in(PASSWORD).await.expect(201).body;
        ada.api.delete(&path).await.expect(204);
        expect_ended(refresh(&ada.api, &ada.session).await);
        refresh(&ada.api, &other).await.expect(200);
        // Admins can end anybody's.
        let path = format!("/api/sessions/{}", eve.session["id"].as_str().unwrap());
        cinema.api.delete(&path).await.expect(204);
        expect_ended(refresh(&eve.api, &eve.session).await);
    });
}

#[test]
fn a_new_password_ends_all_other_sessions() {
    on_shared_cinema(async |cinema| {
        let (ada, eve) = (cinema.customer().await, cinema.customer().await);
        let other = ada.sign_in(PASSWORD).await.expect(201).body;
        let path = format!("/api/users/{}/password", ada.id);
        let change = |current: &str| json!({ "current_password": current, "new_password": "Kinetoscope-1891" });
        ada.api.put(&path, &change("wrong-password")).await.expect(401).expect_problem("wrong-credentials");
        ada.api.put(&path, &json!({ "new_password": "Kinetoscope-1891" })).await.expect(401);
        eve.api.put(&path, &change(PASSWORD)).await.expect(404).expect_problem("not-found");
        ada.api.anonymous().put(&path, &change(PASSWORD)).await.expect(401);

        ada.api.put(&path, &change(PASSWORD)).await.expect(204);
        expect_ended(refresh(&ada.api, &other).await);
        refresh(&ada.api, &ada.session).await.expect(200);
        ada.sign_in(PASSWORD).await.expect(401).expect_problem("wrong-credentials");
        let newest = ada.sign_in("Kinetoscope-1891").await.expect(201).body;

        // An admin who resets it needs not know it, and ends all.
        cinema.api.put(&path, &json!({ "new_password": "Cinematographe-1895" })).await.expect(204);
        expect_ended(refresh(&ada.api, &newest).await);
        ada.sign_in("Cinematographe-1895").await.expect(201);
    });
}

#[test]
fn an_erased_user_is_signed_out_and_can_not_come_back() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        ada.api.delete(&format!("/api/users/{}", ada.id)).await.expect(204);
        expect_ended(refresh(&ada.api, &ada.session).await);
        ada.sign_in(PASSWORD).await.expect(401).expect_problem("wrong-credentials");
    });
}

#[tokio::test]
async fn a_session_outlives_gateways_and_services_that_are_killed() {
    let mut cinema = Cinema::start().await;
    let ada = cinema.customer().await;
    for program in ["gateway", "users"] {
        cinema.kill(program).await;
        cinema.start_again(program).await;
    }
    let path = format!("/api/users/{}", ada.id);
    ada.api.get(&path).await.expect(200);
    let session = tokio::time::timeout(Duration::from_secs(10), refresh(&ada.api, &ada.session)).await;
    ada.with(&session.expect("an answer").expect(200).body).get(&path).await.expect(200);
}

#[test]
fn a_repeated_change_of_the_password_with_the_same_key_is_the_same_change() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let path = format!("/api/users/{}/password", ada.id);
        let change = async |new: &str| {
            let request = ada.api.request(reqwest::Method::PUT, &path).header("Idempotency-Key", "change");
            ada.api.send(request.json(&json!({ "current_password": PASSWORD, "new_password": new }))).await
        };
        for _ in 0..2 {
            change("Zoopraxiscope-1880").await.expect(204);
        }
        change("Praxinoscope-1877").await.expect(422).expect_problem("idempotency-mismatch");
        ada.sign_in("Zoopraxiscope-1880").await.expect(201);
    });
}
