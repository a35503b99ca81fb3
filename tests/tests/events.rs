//! `GET /api/events`: what is told, to whom, and what of it somebody asks for.

use contracts::{Role, Service};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Api, Block, Cinema, Listening, eventually, on_shared_cinema};

/// What happened.
fn types(blocks: &[Block]) -> Vec<&str> {
    blocks.iter().map(|block| block.event.as_str()).collect()
}

/// A customer's id, and their API.
async fn signed_in(cinema: &Cinema) -> (String, Api) {
    let customer = cinema.customer().await;
    (customer.id.clone(), customer.api)
}

/// A key of a program that may do what this role is for.
async fn key(cinema: &Cinema, role: &str) -> (String, Api) {
    let key = json!({ "name": "A program", "roles": [role] });
    let key = cinema.api.post("/api/api-keys", &key).await.expect(201);
    (key.id(), cinema.api.with_token(key.body["secret"].as_str().unwrap()))
}

#[test]
fn an_event_is_a_cloud_event_with_an_id() {
    on_shared_cinema(async |cinema| {
        let (user, showtime) = (cinema.user().await, cinema.showtime().await);
        let mut listening = Listening::open(&cinema.api, "/api/events?service=bookings").await;
        assert_eq!(listening.header("cache-control"), "no-store");
        assert_eq!(listening.header("x-accel-buffering"), "no");
        let start = listening.block().await.unwrap();
        assert_eq!(start.retry.as_deref(), Some("1000"));
        assert!(start.data.is_null() && start.id.is_some(), "{start:?}");

        let booking = cinema.book(&user, &showtime, &["A1", "A2"]).await.expect(201);
        // Other tests book, too.
        listening.until(&booking.id()).await;
        let path = format!("/api/events?from=beginning&id={}", booking.id());
        let event = Listening::open(&cinema.api, &path).await.next().await.unwrap();
        assert_eq!(event.event, "booking-placed.v1");
        assert_eq!(event.data["type"], "booking-placed.v1");
        assert_eq!(event.data["specversion"], "1.0");
        assert_eq!(event.data["source"], "/marquee/bookings");
        assert_eq!(event.data["subject"], booking.id());
        let time = |value: &Value| value.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert_eq!(time(&event.data["time"]), time(&booking.body["created_at"]));
        assert_eq!(event.data["dataschema"], "urn:marquee:schema:bookings:event:booking-placed.v1");
        assert_eq!(event.data["data"]["seats"], booking.body["seats"]);
        let members: Vec<&String> = event.data.as_object().unwrap().keys().collect();
        assert_eq!(members.len(), 8, "nothing else, such as the command's id: {members:?}");
        let position = booking.header("marquee-position").strip_prefix("bookings=").unwrap().to_owned();
        assert!(event.id.unwrap().ends_with(&format!(".b{position}")));
    });
}

#[test]
fn filters_narrow_what_is_told() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        let (user, showtime) = (cinema.user().await, cinema.showtime().await);
        let before = chrono::Utc::now().to_rfc3339();
        let booking = cinema.book(&user, &showtime, &["A1"]).await.expect(201);
        let path = booking.header("location");
        api.put(path, &json!({ "seats": ["A2"] })).await.expect(200);
        api.post(&format!("{path}/check-in"), &json!({})).await.expect(200);
        let id = booking.id();
        let all = ["booking-placed.v1", "booking-seats-changed.v1", "booking-checked-in.v1"];
        for (query, expected) in [
            (format!("from=beginning&id={id}"), all.as_slice()),
            (format!("from=beginning&id={showtime}&id={id}&service=bookings"), &all),
            (format!("from=beginning&id={showtime}&id={user}"), &["user-registered.v1", "showtime-scheduled.v1"]),
            (format!("from=beginning&id={id}&type={}&type={}", all[0], all[2]), &[all[0], all[2]]),
            (format!("from={}&service=bookings&service=movies&id={id}", before.replace('+', "%2B")), &all),
        ] {
            let mut listening = Listening::open(api, &format!("/api/events?{query}")).await;
            assert_eq!(types(&listening.take(expected.len()).await), expected, "{query}");
        }
        let later = chrono::Utc::now().to_rfc3339().replace('+', "%2B");
        let mut listening = Listening::open(api, &format!("/api/events?from={later}&id={id}&id={user}")).await;
        api.delete(&format!("/api/users/{user}")).await.expect(204);
        assert_eq!(types(&listening.take(1).await), ["user-deleted.v1"]);
    });
}

#[test]
fn what_cannot_be_followed_is_a_problem() {
    on_shared_cinema(async |cinema| {
        for (query, field) in [
            ("service=films", "service"),
            ("type=booking-placed", "type"),
            ("id=7", "id"),
            ("from=yesterday", "from"),
            ("limit=5", "limit"),
        ] {
            cinema.api.get(&format!("/api/events?{query}")).await.expect_invalid(field);
        }
        for id in ["7", "u1.m1", "u1.m1.b01", "u-1.m1.b1", "u1.m1.b1.x1", "u1.m1.b18446744073709551616", "x"] {
            let request = cinema.api.request(reqwest::Method::GET, "/api/events").header("last-event-id", id);
            cinema.api.send(request).await.expect_invalid("Last-Event-ID");
        }
        // What has not happened yet, as far as this gateway knows.
        let request = cinema.api.request(reqwest::Method::GET, "/api/events");
        let answer = cinema.api.send(request.header("last-event-id", "u9999999.m1.b1")).await;
        answer.expect(503).expect_problem("unavailable").header("retry-after");
    });
}

#[test]
fn everybody_is_told_what_concerns_them() {
    on_shared_cinema(async |cinema| {
        let start = Listening::open(&cinema.api, "/api/events").await.block().await.unwrap().id.unwrap();
        let (ada, adas) = signed_in(cinema).await;
        let (bob, bobs) = signed_in(cinema).await;
        let showtime = cinema.showtime().await;
        let path = format!("/api/showtimes/{showtime}");
        let [first, second] = [(&ada, "A1"), (&bob, "A2")];
        let first = cinema.book(first.0, &showtime, &[first.1]).await.expect(201);
        let second = cinema.book(second.0, &showtime, &[second.1]).await.expect(201);
        cinema.api.put(first.header("location"), &json!({ "seats": ["B1"] })).await.expect(200);
        cinema.api.delete(second.header("location")).await.expect(204);
        cinema.api.delete(first.header("location")).await.expect(204);
        let (_, staff_key) = key(cinema, "staff").await;
        let (_, customer_key) = key(cinema, "customer").await;
        // The last thing that is told; everybody is.
        cinema.api.delete(&path).await.expect(204);
        let token = |role| cinema.api.with_token(cinema.token(role));

        for (who, api, expected) in [
            ("ada", adas, (&[&ada] as &[&String], true, &[&first] as &[_])),
            ("bob", bobs, (&[&bob], true, &[&second])),
            ("staff", token(Role::Staff), (&[&ada, &bob], false, &[&first, &second])),
            ("a key for staff", staff_key, (&[&ada, &bob], false, &[&first, &second])),
            ("an admin", token(Role::Admin), (&[&ada, &bob], true, &[&first, &second])),
            ("a machine", token(Role::Customer), (&[], false, &[])),
            ("a key for customers", customer_key, (&[], false, &[])),
        ] {
            let (users, access, bookings) = expected;
            let mut listening = Listening::open_behind(&api, "/api/events", &start).await;
            let mut told = Vec::new();
            while !told
                .iter()
                .any(|block: &Block| block.event == "showtime-cancelled.v1" && block.data["subject"] == showtime)
            {
                told.push(listening.next().await.unwrap());
            }
            // Services come in any order: all are there when the last of each is.
            for (known, subject) in [(users.len(), &ada), (users.len(), &bob)] {
                let is_told = told.iter().any(|block| block.data["subject"] == **subject);
                assert_eq!(is_told, known == 2 || (known == 1 && users[0] == subject), "{who} {subject}");
            }
            let about = |id: &str| told.iter().filter(|block| block.data["subject"] == id).collect::<Vec<_>>().len();
            for (booking, events) in [(&first, 3), (&second, 2)] {
                let expected = if bookings.iter().any(|known| known.id() == booking.id()) { events } else { 0 };
                assert_eq!(about(&booking.id()), expected, "{who}");
            }
            let sessions = told.iter().filter(|block| block.event == "session-opened.v1");
            let whose: Vec<&str> = sessions.map(|block| block.data["data"]["user_id"].as_str().unwrap()).collect();
            for user in [&ada, &bob] {
                let expected = access && users.contains(&user);
                assert_eq!(whose.contains(&user.as_str()), expected, "{who}: session of {user}");
            }
            let keys = told.iter().any(|block| block.event == "api-key-added.v1");
            assert_eq!(keys, who == "an admin", "{who}");
            assert!(told.iter().any(|block| block.event == "showtime-scheduled.v1"), "{who}");
        }
        cinema.api.anonymous().get("/api/events").await.expect(401).expect_problem("unauthenticated");
        cinema.api.with_token("nonsense").get("/api/events").await.expect(401);
    });
}

#[test]
fn who_is_put_out_hears_no_more() {
    on_shared_cinema(async |cinema| {
        let customer = cinema.customer().await;
        let (ada, session) = (&customer.id, customer.session["id"].as_str().unwrap());
        let (key, program) = key(cinema, "staff").await;
        let mut signed_in = Listening::open(&customer.api, "/api/events?service=users").await;
        let mut with_key = Listening::open(&program, &format!("/api/events?id={ada}")).await;
        let password = json!({ "new_password": "another horse battery" });
        cinema.api.put(&format!("/api/users/{ada}/password"), &password).await.expect(204);
        signed_in.until(session).await;
        assert_eq!(signed_in.next().await, None, "the session has ended");
        cinema.api.delete(&format!("/api/api-keys/{key}")).await.expect(204);
        assert_eq!(with_key.next().await, None, "the key is revoked, of which staff are not told");

        let token = cinema.token_for(Role::Staff, std::time::Duration::from_secs(2));
        let listening = Listening::open(&cinema.api.with_token(token), "/api/events").await;
        listening.end().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_while_its_stream_is_opened_opens_none() {
    let cinema = Cinema::start().await;
    let (key, program) = key(&cinema, "admin").await;
    let operator = cinema.broker().await;
    let at = async |service| operator.last_sequence(service).await;
    let (users, movies, bookings) = (at(Service::Users).await, at(Service::Movies).await, at(Service::Bookings).await);
    // The event that tells of it would be one that this listener has seen.
    let last = format!("u{}.m{movies}.b{bookings}", users + 1);
    let request = program.request(Method::GET, "/api/events").header("accept", "text/event-stream");
    let opening = tokio::spawn(request.header("last-event-id", last).send());
    eventually("that the key was asked about", async || {
        let labels = ["subject=\"cinema.rpc.users.api-key\""];
        (cinema.figure("users", "marquee_question_seconds_count", &labels).await > 0.0).then_some(())
    })
    .await;
    cinema.api.delete(&format!("/api/api-keys/{key}")).await.expect(204);
    assert_eq!(opening.await.expect("an answer").expect("an answer").status(), 401);
}
