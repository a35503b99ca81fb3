//! Who may do what at the REST door: every operation of the document, tried by everybody.

use std::fs;

use contracts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::samples::with;
use system_tests::{Answer, Api, Cinema, eventually, on_shared_cinema, samples};
use uuid::Uuid;

/// Who tries: nobody in particular, a customer, staff, an admin.
const ANYONE: usize = 0;
const CUSTOMER: usize = 1;
const STAFF: usize = 2;
const ADMIN: usize = 3;

/// The least that one must be for an operation, by operation id.
const LEAST: [(&str, usize); 46] = [
    ("create_api_key", ADMIN),
    ("create_booking", CUSTOMER),
    ("create_hall", STAFF),
    ("create_movie", STAFF),
    ("create_session", ANYONE),
    ("create_showtime", STAFF),
    ("create_user", ANYONE),
    ("delete_api_key", ADMIN),
    ("delete_booking", CUSTOMER),
    ("delete_hall", STAFF),
    ("delete_movie", STAFF),
    ("delete_session", CUSTOMER),
    ("delete_showtime", STAFF),
    ("delete_user", CUSTOMER),
    ("drop_dead_letter", ADMIN),
    ("export_user", CUSTOMER),
    ("follow_events", CUSTOMER),
    ("get_booking", CUSTOMER),
    ("get_dead_letter", ADMIN),
    ("get_hall", ANYONE),
    ("get_movie", ANYONE),
    ("get_operation", ANYONE),
    ("get_seat_map", ANYONE),
    ("get_showtime", ANYONE),
    ("get_user", CUSTOMER),
    ("list_api_keys", ADMIN),
    ("list_audit", ADMIN),
    ("list_booking_history", CUSTOMER),
    ("list_bookings", CUSTOMER),
    ("list_dead_letters", ADMIN),
    ("list_halls", ANYONE),
    ("list_movie_showtimes", ANYONE),
    ("list_movies", ANYONE),
    ("list_showtimes", ANYONE),
    ("list_user_bookings", CUSTOMER),
    ("list_users", ADMIN),
    ("refresh_session", ANYONE),
    ("retry_dead_letter", ADMIN),
    ("update_booking", CUSTOMER),
    ("update_check_in", STAFF),
    ("update_hall", STAFF),
    ("update_movie", STAFF),
    ("update_password", CUSTOMER),
    ("update_roles", ADMIN),
    ("update_showtime", STAFF),
    ("update_user", CUSTOMER),
];

/// One request of an operation, for this user, about things that are not there.
async fn attempt(api: &Api, user: &str, method: &str, path: &str, operation: &Value) -> Answer {
    let nothing = if path.contains("/dead-letters/") { "1000000".to_owned() } else { Uuid::now_v7().to_string() };
    let path = path.replace("{id}", &nothing);
    let mut request = api.request(method.to_uppercase().parse::<Method>().expect("a method"), &path);
    if let Some(body) = operation.get("requestBody") {
        let mut example = body["content"]["application/json"]["example"].clone();
        if let Some(of) = example.get_mut("user_id") {
            *of = json!(user);
        }
        request = request.json(&example);
    }
    api.send(request).await
}

#[test]
fn every_operation_is_refused_to_whoever_is_not_enough_for_it() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let callers =
            [cinema.api.anonymous(), ada.api, cinema.api.with_token(cinema.token(Role::Staff)), cinema.api.clone()];
        let document = cinema.api.get("/api/openapi.json").await.expect(200).body;
        let mut wrong = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let id = operation["operationId"].as_str().expect("an id").trim_start_matches("tutorial_");
                let least = LEAST.iter().find(|(known, _)| *known == id).map(|(_, least)| *least);
                let Some(least) = least else {
                    wrong.push(format!("{id}: nobody has said for whom it is"));
                    continue;
                };
                let open = operation["security"].as_array().expect("who").contains(&json!({}));
                if open != (least == ANYONE) {
                    wrong.push(format!("{id}: the document says otherwise"));
                }
                for (caller, api) in callers.iter().enumerate() {
                    let answer = attempt(api, &ada.id, method, path, operation).await;
                    let expected = match caller {
                        _ if caller >= least => !matches!(answer.status, 403 | 500..),
                        ANYONE => answer.status == 401,
                        // A booking that is not a customer's own is not there for them, whatever they want with it.
                        _ => matches!((answer.status, id), (403, _) | (404, "update_check_in")),
                    };
                    if !expected {
                        wrong.push(format!("{id} by {caller}: {} {}", answer.status, answer.body));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// A customer's booking, their API, and what they asked for.
async fn booking(cinema: &Cinema) -> (Answer, Api, Value) {
    let ada = cinema.customer().await;
    let wanted = json!({ "user_id": ada.id, "showtime_id": cinema.showtime().await, "seats": ["A1"] });
    (ada.api.post("/api/bookings", &wanted).await.expect(201), ada.api, wanted)
}

#[test]
fn a_strangers_booking_is_not_there() {
    on_shared_cinema(async |cinema| {
        let (booked, ada, wanted) = booking(cinema).await;
        let eve = cinema.customer().await.api;
        let (path, seats) = (booked.header("location").to_owned(), json!({ "seats": ["B1"] }));
        eve.get(&path).await.expect(404).expect_problem("not-found");
        eve.put(&path, &seats).await.expect(404).expect_problem("not-found");
        eve.delete(&path).await.expect(404).expect_problem("not-found");
        let absent = eve.get(&format!("/api/bookings/{}", Uuid::now_v7())).await.expect(404);
        assert_eq!(absent.body["type"], eve.get(&path).await.body["type"], "a stranger's is as one that never was");
        let user = wanted["user_id"].as_str().unwrap();
        eve.get(&format!("/api/users/{user}")).await.expect(404);
        eve.get(&format!("/api/users/{user}/bookings")).await.expect(404);
        eve.delete(&format!("/api/users/{user}")).await.expect(404);
        eve.post("/api/bookings", &with(wanted.clone(), "seats", json!(["C1"])))
            .await
            .expect(403)
            .expect_problem("forbidden");

        assert_eq!(ada.all("/api/bookings").await, std::slice::from_ref(&booked.body));
        assert_eq!(eve.all("/api/bookings").await, Vec::<Value>::new());
        eve.get(&format!("/api/bookings?user_id={user}")).await.expect(403);
        ada.put(&path, &seats).await.expect(200);
        ada.delete(&path).await.expect(204);
    });
}

#[test]
fn staff_see_every_booking_and_check_it_in() {
    on_shared_cinema(async |cinema| {
        let (booked, ada, _) = booking(cinema).await;
        let staff = cinema.api.with_token(cinema.token(Role::Staff));
        let path = booked.header("location");
        eventually("the booking", async || (staff.get(path).await.status == 200).then_some(())).await;
        ada.post(&format!("{path}/check-in"), &json!({})).await.expect(403).expect_problem("forbidden");
        let checked_in = staff.post(&format!("{path}/check-in"), &json!({})).await.expect(200);
        assert_eq!(checked_in.body["status"], "checked-in");
        eventually("what staff did", async || (ada.get(path).await.body == checked_in.body).then_some(())).await;
        ada.delete(path).await.expect(409).expect_problem("booking-checked-in");
    });
}

#[test]
fn nobody_makes_more_of_themselves() {
    on_shared_cinema(async |cinema| {
        let ada = cinema.customer().await;
        let (api, path) = (&ada.api, format!("/api/users/{}", ada.id));
        let sign_up = with(samples::user(), "password", samples::PASSWORD);
        for (field, value) in [
            ("roles", json!(["admin"])),
            ("role", json!("admin")),
            ("id", json!(Uuid::now_v7())),
            ("version", json!(7)),
        ] {
            api.anonymous()
                .post("/api/users", &with(sign_up.clone(), field, value.clone()))
                .await
                .expect_invalid(field);
            api.put(&path, &with(samples::user(), field, value)).await.expect_invalid(field);
        }
        api.put(&format!("{path}/roles"), &json!({ "roles": ["admin"] })).await.expect(403).expect_problem("forbidden");
        let booking = json!({ "user_id": ada.id, "showtime_id": cinema.showtime().await, "seats": ["A1"] });
        for (field, value) in
            [("price", json!(0)), ("total", json!({ "amount": 0, "currency": "EUR" })), ("status", json!("checked-in"))]
        {
            api.post("/api/bookings", &with(booking.clone(), field, value)).await.expect_invalid(field);
        }
        assert_eq!(api.get(&path).await.expect(200).body["version"], 1);
    });
}

#[test]
fn an_admin_sets_roles_but_not_their_own() {
    on_shared_cinema(async |cinema| {
        let (boss, ada) = (cinema.customer().await, cinema.customer().await);
        let roles = |id: &str| format!("/api/users/{id}/roles");
        let changed = cinema.api.put(&roles(&boss.id), &json!({ "roles": ["customer", "admin"] })).await.expect(200);
        assert_eq!(changed.body["roles"], json!(["customer", "admin"]));
        // They sign in anew as what they are now.
        boss.api
            .anonymous()
            .post("/api/sessions/refresh", &json!({ "refresh_token": boss.session["refresh_token"] }))
            .await
            .expect(401);
        let session = boss.sign_in(samples::PASSWORD).await.expect(201).body;
        let admin = boss.with(&session);
        admin.put(&roles(&ada.id), &json!({ "roles": ["customer", "staff"] })).await.expect(200);
        admin.put(&roles(&boss.id), &json!({ "roles": ["customer"] })).await.expect(403).expect_problem("forbidden");
        let staff = ada.with(&ada.sign_in(samples::PASSWORD).await.expect(201).body);
        staff.post("/api/movies", &samples::movie()).await.expect(201);
        staff.get("/api/users").await.expect(403).expect_problem("forbidden");
        for bad in [json!([]), json!(["owner"]), json!("admin")] {
            admin.put(&roles(&ada.id), &json!({ "roles": bad })).await.expect(422);
        }
    });
}

#[test]
fn what_is_no_token_opens_nothing() {
    on_shared_cinema(async |cinema| {
        let token = cinema.token(Role::Admin);
        let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        // {"alg":"none","typ":"at+jwt"}
        let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
        let bad = [
            format!("{unsigned}.{claims}."),
            format!("{unsigned}.{claims}.{signature}"),
            format!("{head}.{claims}."),
            format!("{head}.{claims}.{}", &signature[1..]),
            "mqk_x".to_owned(),
            "a b".to_owned(),
            "é".to_owned(),
            "x".repeat(6000),
        ];
        for bad in bad {
            let answer = cinema.api.with_token(&bad).get("/api/movies").await;
            answer.expect(401).expect_problem("unauthenticated");
        }
        let request = cinema.api.anonymous().request(Method::GET, "/api/movies").basic_auth("ada", Some("x"));
        let answer = cinema.api.send(request).await.expect(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{}", answer.header("www-authenticate"));
    });
}

#[tokio::test]
async fn secrets_are_rotated_without_anybody_signing_in_anew() {
    let mut cinema = Cinema::start().await;
    let old = fs::read_to_string(cinema.folder().join("secrets/token-secrets")).expect("the secret");
    let new = format!("2:{}", "5".repeat(64));
    let ada = cinema.customer().await;
    let path = format!("/api/users/{}", ada.id);

    let both = cinema.add_gateway_with("both", &["--token-secrets", &format!("{new},{}", old.trim())]).await;
    // It doesn't know that Ada has just signed up.
    let at_both = ada.with_gateway(&both);
    eventually("Ada, for others", async || (at_both.get(&path).await.status == 200).then_some(())).await;
    let credentials = json!({ "email": ada.email, "password": samples::PASSWORD });
    let session = both.anonymous().post("/api/sessions", &credentials).await.expect(201).body;
    let token = session["access_token"].as_str().expect("a token");

    let after = cinema.add_gateway_with("after", &["--token-secrets", &new]).await;
    after.with_token(token).get(&path).await.expect(200);
    ada.with_gateway(&after).get(&path).await.expect(401).expect_problem("unauthenticated");
    ada.api.with_token(token).get(&path).await.expect(401).expect_problem("unauthenticated");
}
