//! How often somebody may ask for what is dear, at the REST door.

use contracts::Role;
use serde_json::json;
use system_tests::samples::{PASSWORD, with};
use system_tests::{Answer, Cinema, samples};
use uuid::Uuid;

/// How the caller stands, as the header field says it.
#[track_caller]
fn expect_limited(answer: Answer, limit: &str) {
    let answer = answer.expect(429).expect_problem("too-many-requests");
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=3600).contains(&seconds), "{seconds}");
    assert!(answer.header("ratelimit").starts_with(&format!("\"{limit}\";r=0;t=")), "{}", answer.header("ratelimit"));
    assert!(answer.header("ratelimit-policy").starts_with(&format!("\"{limit}\";q=")));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let mut cinema = Cinema::start().await;
    let eve = cinema.customer().await;
    let showtime = cinema.showtime().await;
    let limits = [
        "--limit-sign-in=3/h",
        "--limit-sign-up=2/h",
        "--limit-booking=2/h",
        // So that one test can be many addresses.
        "--trusted-proxies=127.0.0.1",
    ];
    let api = cinema.add_gateway_with("limited", &limits).await.anonymous();
    let from = |address: &str, path: &str, body: serde_json::Value| {
        api.request(reqwest::Method::POST, path).header("X-Forwarded-For", address).json(&body)
    };

    // By address: three attempts, whoever they are for.
    for _ in 0..3 {
        let credentials = json!({ "email": format!("{}@example.com", Uuid::now_v7()), "password": PASSWORD });
        let answer = api.send(from("192.0.2.1", "/api/sessions", credentials)).await;
        answer.expect(401).expect_problem("wrong-credentials");
    }
    let credentials = json!({ "email": eve.email, "password": PASSWORD });
    expect_limited(api.send(from("192.0.2.1", "/api/sessions", credentials.clone())).await, "sign-in");

    // By account: three attempts, wherever they come from, and of other accounts nobody is kept.
    for (address, left) in [("192.0.2.2", 2), ("192.0.2.3", 1), ("192.0.2.4", 0)] {
        let answer = api.send(from(address, "/api/sessions", credentials.clone())).await.expect(201);
        assert!(answer.header("ratelimit").starts_with(&format!("\"sign-in\";r={left};")));
    }
    let shouted = json!({ "email": eve.email.to_uppercase(), "password": PASSWORD });
    expect_limited(api.send(from("192.0.2.5", "/api/sessions", shouted)).await, "sign-in");
    let ada = cinema.customer().await;
    let credentials = json!({ "email": ada.email, "password": PASSWORD });
    api.send(from("192.0.2.5", "/api/sessions", credentials)).await.expect(201);

    // Guessing the current password is signing in, too.
    let path = format!("/api/users/{}/password", ada.id);
    let guess = json!({ "current_password": "guess-guess", "new_password": "guess-guess" });
    let as_ada = api.with_token(ada.session["access_token"].as_str().unwrap());
    for _ in 0..3 {
        as_ada.put(&path, &guess).await.expect(401);
    }
    expect_limited(as_ada.put(&path, &guess).await, "sign-in");

    // New users, by address and by e-mail address; staff may add as many as they like.
    let sign_up = || with(samples::user(), "password", PASSWORD);
    for _ in 0..2 {
        api.send(from("192.0.2.1", "/api/users", sign_up())).await.expect(201);
    }
    expect_limited(api.send(from("192.0.2.1", "/api/users", sign_up())).await, "sign-up");
    let same = sign_up();
    api.send(from("192.0.2.2", "/api/users", same.clone())).await.expect(201);
    api.send(from("192.0.2.3", "/api/users", same.clone())).await.expect(409);
    expect_limited(api.send(from("192.0.2.4", "/api/users", same)).await, "sign-up");
    let admin = api.with_token(cinema.token(Role::Admin));
    for _ in 0..3 {
        admin.post("/api/users", &samples::user()).await.expect(201);
    }

    // Bookings, by account.
    let as_eve = api.with_token(eve.session["access_token"].as_str().unwrap());
    let booking = |seat: &str| json!({ "user_id": eve.id, "showtime_id": showtime, "seats": [seat] });
    for seat in ["A1", "A2"] {
        as_eve.post("/api/bookings", &booking(seat)).await.expect(201);
    }
    expect_limited(as_eve.post("/api/bookings", &booking("A3")).await, "booking");
    admin.post("/api/bookings", &booking("A3")).await.expect(201);
}

#[tokio::test]
async fn a_password_can_not_be_guessed_and_nobody_buys_a_whole_hall() {
    let mut cinema = Cinema::start().await;
    let defaults = ["--limit-sign-in=10/min", "--limit-sign-up=10/min"];
    let api = cinema.add_gateway_with("limited", &defaults).await.anonymous();
    let ada = cinema.customer().await;
    let guess = json!({ "email": ada.email, "password": "guess-guess" });
    let mut refused = 0;
    for _ in 0..12 {
        refused += u32::from(api.post("/api/sessions", &guess).await.status == 429);
    }
    assert!((1..=2).contains(&refused), "{refused} of 12 were refused at once");

    let showtime = cinema.showtime().await;
    let book = async |seats: &[&str]| {
        ada.api.post("/api/bookings", &json!({ "user_id": ada.id, "showtime_id": showtime, "seats": seats })).await
    };
    book(&["A1", "A2", "A3", "A4", "A5", "A6"]).await.expect(201);
    book(&["B1", "B2", "B3", "B4", "B5"]).await.expect(409).expect_problem("too-many-seats");
    book(&["B1", "B2", "B3", "B4"]).await.expect(201);
    book(&["C1"]).await.expect(409).expect_problem("too-many-seats");
}
