//! Who did what when: a booking's history, and the audit of all services.

use chrono::{DateTime, Utc};
use contracts::{Role, Service};
use serde_json::{Value, json};
use system_tests::samples::Somebody;
use system_tests::{Cinema, eventually, on_shared_cinema, samples};
use uuid::Uuid;

fn types(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["type"].as_str().expect("a type")).collect()
}

/// What tells an entry from all others.
fn place(entry: &Value) -> (String, u64) {
    (entry["service"].as_str().expect("a service").to_owned(), entry["position"].as_u64().expect("a position"))
}

#[test]
fn a_bookings_history_is_for_its_owner_and_staff() {
    on_shared_cinema(async |cinema| {
        let (Somebody { id: ada, api, .. }, showtime) = (cinema.customer().await, cinema.showtime().await);
        let stranger = cinema.customer().await.api;
        let staff = cinema.api.with_token(cinema.token(Role::Staff));
        let new = json!({ "user_id": ada, "showtime_id": showtime, "seats": ["A1"] });
        let booked = api.post("/api/bookings", &new).await.expect(201);
        let booking = format!("/api/bookings/{}", booked.id());
        staff.put(&booking, &json!({ "seats": ["A2", "A3"] })).await.expect(200);
        api.delete(&booking).await.expect(204);

        let history = api.get(&format!("{booking}/history")).await.expect(200).body;
        let entries = history["items"].as_array().unwrap();
        assert_eq!(types(entries), ["booking-placed.v1", "booking-seats-changed.v1", "booking-cancelled.v1"]);
        let customer = json!({ "kind": "user", "id": ada, "roles": ["customer"], "account": format!("user:{ada}") });
        let machine = json!({ "kind": "machine", "roles": ["staff"], "account": "machine" });
        let actors: Vec<&Value> = entries.iter().map(|entry| &entry["actor"]).collect();
        assert_eq!(actors, [&customer, &machine, &customer]);
        assert_eq!(entries[0]["recorded_at"], booked.body["created_at"]);
        assert_eq!(entries[1]["data"]["seats"][0]["seat"], "A2");
        assert!(entries.iter().all(|entry| entry["entity_id"] == booked.body["id"]));
        let operation = format!("/api/operations/{}", entries[0]["command_id"].as_str().unwrap());
        for (who, seen) in [(&api, &booked.body["id"]), (&staff, &booked.body["id"]), (&stranger, &Value::Null)] {
            let operation = who.get(&operation).await.expect(200).body;
            assert_eq!((&operation["status"], &operation["result"]["id"]), (&json!("accepted"), seen));
        }

        // What somebody else's command answered is theirs to know.
        let mut seen = staff.get(&format!("{booking}/history")).await.expect(200).body;
        assert!(entries[1]["command_id"].is_null() && seen["items"][1]["command_id"].is_string());
        seen["items"][1].as_object_mut().unwrap().remove("command_id");
        assert_eq!(seen, history);
        let pages = api.pages(&format!("{booking}/history?limit=2")).await;
        assert_eq!((pages[0].len(), &pages.concat()), (2, entries));
        stranger.get(&format!("{booking}/history")).await.expect(404).expect_problem("not-found");
        stranger.get(&booking).await.expect(404).expect_problem("not-found");
        api.anonymous().get(&format!("{booking}/history")).await.expect(401);
        api.get(&format!("/api/bookings/{}/history", Uuid::now_v7())).await.expect(404).expect_problem("not-found");
        api.get(&format!("{booking}/history?cursor=nowhere")).await.expect_invalid("cursor");
    });
}

#[test]
fn what_follows_from_an_event_names_the_reaction() {
    on_shared_cinema(async |cinema| {
        let (user, showtime) = (cinema.user().await, cinema.showtime().await);
        let booking = cinema.book(&user, &showtime, &["A1"]).await.expect(201).id();
        cinema.api.delete(&format!("/api/users/{user}")).await.expect(204);
        let cancelled = eventually("the cancellation", async || {
            let history = cinema.api.get(&format!("/api/bookings/{booking}/history")).await.expect(200).body;
            history["items"].get(1).cloned()
        })
        .await;
        let actor =
            json!({ "kind": "reaction", "name": "erased-users", "roles": [], "account": "reaction:erased-users" });
        assert_eq!(cancelled["actor"], actor);
    });
}

#[test]
fn the_audit_is_for_admins() {
    on_shared_cinema(async |cinema| {
        let customer = cinema.customer().await.api;
        let staff = cinema.api.with_token(cinema.token(Role::Staff));
        for api in [customer, staff] {
            api.get("/api/audit").await.expect(403).expect_problem("forbidden");
        }
        cinema.api.anonymous().get("/api/audit").await.expect(401).expect_problem("unauthenticated");
        cinema.api.get("/api/audit").await.expect(200);
    });
}

#[test]
fn the_audit_of_all_services_is_one_list_newest_first() {
    on_shared_cinema(async |cinema| {
        let (Somebody { id: ada, api, .. }, showtime) = (cinema.customer().await, cinema.showtime().await);
        let mine = format!("/api/users/{ada}");
        for seat in ["A1", "A2", "A3"] {
            let new = json!({ "user_id": ada, "showtime_id": showtime, "seats": [seat] });
            api.post("/api/bookings", &new).await.expect(201);
            api.put(&mine, &samples::user()).await.expect(200);
        }
        let path = format!("/api/audit?account=user:{ada}");
        let entries = cinema.api.get(&path).await.expect(200).body["items"].as_array().unwrap().clone();
        let expected = ["user-updated.v1", "booking-placed.v1"];
        assert_eq!(
            types(&entries),
            [expected[0], expected[1], expected[0], expected[1], expected[0], expected[1], "session-opened.v1"]
        );
        for limit in 1..=4 {
            let pages = cinema.api.pages(&format!("{path}&limit={limit}")).await;
            assert_eq!(pages.concat(), entries, "{limit} at a time");
            assert!(pages.iter().all(|page| !page.is_empty()), "{limit} at a time: no page is in vain");
        }
        // Without a filter, what others do meanwhile is on no later page.
        let first = cinema.api.get("/api/audit?limit=5").await.expect(200).body;
        cinema.user().await;
        cinema.movie().await;
        let second = cinema.api.get(first["next"].as_str().expect("more")).await.expect(200).body;
        let both = [first["items"].as_array().unwrap().clone(), second["items"].as_array().unwrap().clone()].concat();
        let times: Vec<&str> = both.iter().map(|entry| entry["recorded_at"].as_str().unwrap()).collect();
        let parsed: Vec<DateTime<Utc>> = times.iter().map(|time| time.parse().unwrap()).collect();
        assert!(parsed.is_sorted_by(|later, earlier| later >= earlier), "{times:#?}");
        let mut places: Vec<_> = both.iter().map(place).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), both.len(), "each once");
    });
}

#[test]
fn the_audit_is_filtered() {
    on_shared_cinema(async |cinema| {
        let (Somebody { id: ada, api, .. }, showtime) = (cinema.customer().await, cinema.showtime().await);
        let new = json!({ "user_id": ada, "showtime_id": showtime, "seats": ["A1"] });
        let booking = api.post("/api/bookings", &new).await.expect(201).id();
        api.delete(&format!("/api/bookings/{booking}")).await.expect(204);
        let found = async |filter: &str| {
            let answer = cinema.api.get(&format!("/api/audit?{filter}")).await.expect(200);
            answer.body["items"].as_array().unwrap().clone()
        };
        let both = found(&format!("entity_id={booking}")).await;
        assert_eq!(types(&both), ["booking-cancelled.v1", "booking-placed.v1"]);
        for (filter, expected) in [
            ("type=booking-placed.v1", &both[1..]),
            ("service=bookings", &both[..]),
            ("service=movies", &[]),
            (&format!("account=user:{ada}"), &both[..]),
            ("account=machine", &[]),
            (&format!("to={}", both[0]["recorded_at"].as_str().unwrap()), &both[1..]),
            (&format!("from={}", both[0]["recorded_at"].as_str().unwrap()), &both[..1]),
        ] {
            assert_eq!(found(&format!("entity_id={booking}&{filter}")).await, expected, "{filter}");
        }
        let machine = found("account=machine&service=movies&type=showtime-scheduled.v1&limit=1").await;
        assert_eq!(machine[0]["actor"], json!({ "kind": "machine", "roles": ["admin"], "account": "machine" }));
        for (filter, field) in [
            ("service=cinema", "service"),
            ("entity_id=1", "entity_id"),
            ("from=yesterday", "from"),
            ("limit=0", "limit"),
            ("cursor=nowhere", "cursor"),
            ("who=ada", "who"),
        ] {
            cinema.api.get(&format!("/api/audit?{filter}")).await.expect_invalid(field);
        }
    });
}

#[test]
fn what_was_answered_is_in_the_audit_at_once() {
    on_shared_cinema(async |cinema| {
        for _ in 0..20 {
            let user = cinema.user().await;
            let found = cinema.api.get(&format!("/api/audit?entity_id={user}")).await.expect(200).body;
            assert_eq!(types(found["items"].as_array().unwrap()), ["user-registered.v1"]);
        }
    });
}

#[test]
fn an_operator_asks_one_service_on_nats() {
    on_shared_cinema(async |cinema| {
        let (broker, details) = (cinema.broker().await, samples::movie());
        let movie = broker.accepted(Service::Movies, "add", details).await["id"].clone();
        let found = broker.query(Service::Movies, "audit", json!({ "entity_ids": [movie] })).await;
        assert_eq!(types(found["items"].as_array().unwrap()), ["movie-added.v1"]);
        assert_eq!(found["items"][0]["actor"], "operator");
        let many: Vec<Uuid> = (0..201).map(|_| Uuid::now_v7()).collect();
        for wrong in [json!({ "entity_ids": many }), json!({ "cursor": "nowhere" }), json!({ "who": "ada" })] {
            let subject = Service::Movies.query("audit");
            assert_eq!(broker.request(&subject, wrong.to_string().as_bytes()).await.1.as_deref(), Some("422"));
        }
    });
}

#[tokio::test]
async fn while_a_service_is_away_the_audit_says_so() {
    let mut cinema = Cinema::start().await;
    let user = cinema.user().await;
    cinema.kill("movies").await;
    let away = cinema.api.get("/api/audit").await.expect(503).expect_problem("unavailable");
    assert_eq!(away.header("retry-after"), "1");
    let path = format!("/api/audit?service=users&entity_id={user}");
    assert_eq!(cinema.api.get(&path).await.expect(200).body["items"].as_array().unwrap().len(), 1);
    cinema.start_again("movies").await;
    cinema.api.get("/api/audit").await.expect(200);
}
