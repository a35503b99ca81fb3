//! Conditional and repeated requests at the REST door: `ETag`, `If-Match`, `If-None-Match`, `Idempotency-Key`.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::samples::{self, with, without};
use system_tests::{Answer, Api, Cinema, on_shared_cinema};
use uuid::Uuid;

/// Sends a request with one more header.
async fn send(api: &Api, method: Method, path: &str, body: Option<&Value>, header: (&str, &str)) -> Answer {
    let request = api.request(method, path).header(header.0, header.1);
    api.send(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

/// A new thing of each kind: its path, and a body that changes it.
async fn one_of_each(cinema: &Cinema) -> [(String, Value); 5] {
    let (user, movie, hall) = (cinema.user().await, cinema.movie().await, cinema.hall().await);
    let details = samples::showtime(&movie, &hall);
    let showtime = cinema.api.post("/api/showtimes", &details).await.expect(201).id();
    let booking = cinema.book(&user, &showtime, &["A1"]).await.expect(201).id();
    [
        (format!("/api/bookings/{booking}"), json!({ "seats": ["B1"] })),
        (format!("/api/showtimes/{showtime}"), with(details, "language", "de")),
        (format!("/api/halls/{hall}"), without_layout_change(&cinema.api, &hall).await),
        (format!("/api/movies/{movie}"), with(samples::movie(), "title", "M")),
        (format!("/api/users/{user}"), samples::user()),
    ]
}

/// Another name for a hall that keeps its seats.
async fn without_layout_change(api: &Api, hall: &str) -> Value {
    let layout = api.get(&format!("/api/halls/{hall}")).await.expect(200).body["layout"].clone();
    with(samples::hall(), "layout", layout)
}

#[test]
fn a_change_is_made_only_to_what_the_caller_has_seen() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        for (path, body) in one_of_each(cinema).await {
            let put = async |tag: &str| send(api, Method::PUT, &path, Some(&body), ("if-match", tag)).await;
            let delete = async |tag: &str| send(api, Method::DELETE, &path, None, ("if-match", tag)).await;
            let first = api.get(&path).await.expect(200).header("etag").to_owned();
            let weak = format!("W/{first}");
            for other in ["\"2-0\"", "\"0-0\"", "\"what\"", "what", &weak] {
                put(other).await.expect(412).expect_problem("version-mismatch");
                delete(other).await.expect(412).expect_problem("version-mismatch");
            }
            let second = put(&first).await.expect(200).header("etag").to_owned();
            assert_ne!(second, first);
            put(&first).await.expect(412).expect_problem("version-mismatch");
            delete(&first).await.expect(412).expect_problem("version-mismatch");
            assert_eq!(api.get(&path).await.expect(200).header("etag"), second, "nothing came of those");
            assert_eq!(put(&format!("{first}, {second}")).await.expect(200).body["version"], 3, "{path}");
            assert_eq!(put("*").await.expect(200).body["version"], 4, "{path}");
            let last = api.get(&path).await.expect(200).header("etag").to_owned();
            delete(&last).await.expect(204);
        }
    });
}

#[test]
fn what_does_not_exist_is_not_found_whatever_the_condition() {
    on_shared_cinema(async |cinema| {
        for (path, body) in one_of_each(cinema).await {
            let nowhere = format!("{}/{}", path.rsplit_once('/').unwrap().0, Uuid::now_v7());
            for tag in ["*", "\"1-0\"", "\"what\"", "\"1-0\", \"2-0\""] {
                let header = ("if-match", tag);
                let answer = send(&cinema.api, Method::PUT, &nowhere, Some(&body), header).await;
                answer.expect(404).expect_problem("not-found");
                let answer = send(&cinema.api, Method::DELETE, &nowhere, None, header).await;
                answer.expect(404).expect_problem("not-found");
            }
        }
    });
}

#[test]
fn what_the_caller_has_already_is_not_sent_again() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        for (path, body) in one_of_each(cinema).await {
            let get = async |tag: &str| send(api, Method::GET, &path, None, ("if-none-match", tag)).await;
            let tag = api.get(&path).await.expect(200).header("etag").to_owned();
            for known in [tag.as_str(), "*", &format!("W/{tag}"), &format!("\"1-0\", {tag}")] {
                let answer = get(known).await.expect(304);
                assert_eq!((answer.header("etag"), &answer.body), (tag.as_str(), &Value::Null));
            }
            get("\"1-0\"").await.expect(200);
            let changed = api.put(&path, &body).await.expect(200).header("etag").to_owned();
            assert_eq!(get(&tag).await.expect(200).header("etag"), changed);
            get(&changed).await.expect(304);
        }
    });
}

#[test]
fn a_booking_that_looks_different_has_another_tag_and_can_be_changed_with_either() {
    on_shared_cinema(async |cinema| {
        let (api, user) = (&cinema.api, cinema.user().await);
        let (movie, hall) = (cinema.movie().await, cinema.hall().await);
        let showtime = api.post("/api/showtimes", &samples::showtime(&movie, &hall)).await.expect(201).id();
        let booking = cinema.book(&user, &showtime, &["A1"]).await.expect(201);
        let path = booking.header("location");
        api.put(&format!("/api/movies/{movie}"), &with(samples::movie(), "title", "M")).await.expect(200);
        let header = ("if-none-match", booking.header("etag"));
        let found = send(api, Method::GET, path, None, header).await.expect(200);
        assert_eq!((&found.body["movie"]["title"], &found.body["version"]), (&json!("M"), &json!(1)));
        let header = ("if-match", booking.header("etag"));
        send(api, Method::PUT, path, Some(&json!({ "seats": ["A2"] })), header).await.expect(200);
    });
}

#[test]
fn the_same_request_with_the_same_key_takes_effect_once() {
    on_shared_cinema(async |cinema| {
        let (api, user, showtime) = (&cinema.api, samples::user(), cinema.showtime().await);
        let post = async |path: &str, body: &Value, key: &str| {
            send(api, Method::POST, path, Some(body), ("idempotency-key", key)).await
        };
        let key = Uuid::now_v7().to_string();
        let first = post("/api/users", &user, &key).await.expect(201);
        // The same content in another order, and on the tutorial's path.
        let reordered = with(without(user.clone(), "email"), "email", user["email"].clone());
        for (path, body) in [("/api/users", &user), ("/api/users/", &reordered), ("/api/user/", &user)] {
            let again = post(path, body, &key).await.expect(201);
            assert_eq!(again.body, first.body);
            for name in ["location", "etag", "marquee-position"] {
                assert_eq!(again.header(name), first.header(name), "{name}");
            }
        }
        let other = with(user.clone(), "full_name", "Somebody Else");
        post("/api/users", &other, &key).await.expect(422).expect_problem("idempotency-mismatch");
        let email = user["email"].as_str().unwrap();
        assert_eq!(api.all(&format!("/api/users?email={email}")).await, std::slice::from_ref(&first.body));

        // On another path it is another request, and so is another key; without one, each is.
        post("/api/movies", &samples::movie(), &key).await.expect(201);
        post("/api/users", &user, "another").await.expect(409).expect_problem("email-taken");
        let booking = json!({ "user_id": first.id(), "showtime_id": showtime, "seats": ["A1"] });
        let booked = post("/api/bookings", &booking, "a \"quoted\" key".replace(' ', "-").as_str()).await.expect(201);
        assert_eq!(post("/api/bookings", &booking, "a-\"quoted\"-key").await.expect(201).body, booked.body);
        assert_eq!(api.all(&format!("/api/bookings?showtime_id={showtime}")).await.len(), 1);
    });
}

#[test]
fn a_refusal_is_repeated_too_and_so_are_changes() {
    on_shared_cinema(async |cinema| {
        let (api, user) = (&cinema.api, samples::user());
        let path = api.post("/api/users", &user).await.expect(201).header("location").to_owned();
        let key = ("idempotency-key", &*Uuid::now_v7().to_string());
        send(api, Method::POST, "/api/users", Some(&user), key).await.expect(409).expect_problem("email-taken");

        let changed = samples::user();
        for _ in 0..3 {
            let answer = send(api, Method::PUT, &path, Some(&changed), key).await.expect(200);
            assert_eq!(answer.body["version"], 2, "changed once");
        }
        let answer = send(api, Method::PUT, &path, Some(&user), key).await.expect(422);
        answer.expect_problem("idempotency-mismatch");
        // Meanwhile the address is free; the answer to that request stays what it was.
        send(api, Method::POST, "/api/users", Some(&user), key).await.expect(409).expect_problem("email-taken");
        api.post("/api/users", &user).await.expect(201);
        for _ in 0..3 {
            send(api, Method::DELETE, &path, None, key).await.expect(204);
        }
        api.delete(&path).await.expect(404);
    });
}

#[test]
fn of_the_same_request_many_times_at_once_one_takes_effect() {
    on_shared_cinema(async |cinema| {
        let (user, key) = (samples::user(), Uuid::now_v7().to_string());
        let header = ("idempotency-key", key.as_str());
        let answers =
            join_all((0..20).map(async |_| send(&cinema.api, Method::POST, "/api/users", Some(&user), header).await))
                .await;
        let last = send(&cinema.api, Method::POST, "/api/users", Some(&user), header).await.expect(201);
        for answer in answers {
            if answer.status == 201 {
                assert_eq!(answer.body, last.body);
            } else {
                assert_eq!(answer.expect(409).expect_problem("still-running").header("retry-after"), "1");
            }
        }
        let email = user["email"].as_str().unwrap();
        assert_eq!(cinema.api.all(&format!("/api/users?email={email}")).await, [last.body]);
    });
}

#[test]
fn a_key_that_cannot_be_one_is_refused() {
    on_shared_cinema(async |cinema| {
        let (api, longest) = (&cinema.api, "k".repeat(255));
        for key in ["", "two words", "caf\u{e9}", &format!("{longest}k")] {
            let header = ("idempotency-key", key);
            let answer = send(api, Method::POST, "/api/users", Some(&samples::user()), header).await;
            answer.expect_invalid("Idempotency-Key");
        }
        let twice =
            api.request(Method::POST, "/api/users").header("idempotency-key", "a").header("idempotency-key", "b");
        api.send(twice.json(&samples::user())).await.expect_invalid("Idempotency-Key");
        let header = ("idempotency-key", longest.as_str());
        send(api, Method::POST, "/api/users", Some(&samples::user()), header).await.expect(201);
    });
}
