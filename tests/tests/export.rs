//! What a person is given who asks what is stored about them.

use contracts::{Role, Service};
use serde_json::{Value, json};
use system_tests::samples::{PASSWORD, Somebody};
use system_tests::{Cinema, eventually, on_shared_cinema};
use uuid::Uuid;

/// More bookings than one page has, and more things that happened than one question may name.
const MANY: usize = 203;

fn list<'a>(export: &'a Value, name: &str) -> &'a Vec<Value> {
    export[name].as_array().unwrap_or_else(|| panic!("no {name} in {export:#}"))
}

#[test]
fn a_user_is_given_all_that_is_stored_about_them() {
    on_shared_cinema(async |cinema| {
        let (ada, (showtime, _)) = (cinema.customer().await, cinema.seats().await);
        let (id, api) = (&ada.id, &ada.api);
        let user = format!("/api/users/{id}");
        let new = json!({ "user_id": id, "showtime_id": showtime, "seats": ["A1"] });
        let booking = api.post("/api/bookings", &new).await.expect(201).id();
        let staff = cinema.api.with_token(cinema.token(Role::Staff));
        let path = format!("/api/bookings/{booking}");
        staff.put(&path, &json!({ "seats": ["A2"] })).await.expect(200);
        let other = ada.sign_in(PASSWORD).await.expect(201).body;
        cinema.api.delete(&format!("/api/sessions/{}", other["id"].as_str().unwrap())).await.expect(204);

        let answer = api.get(&format!("{user}/export")).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"marquee-user-{id}.json\""));
        assert_eq!(answer.header("cache-control"), "no-store");
        let export = answer.body;
        let profile = api.get(&user).await.expect(200).body;
        assert_eq!(export["user"], profile);
        assert_eq!(export["password"], json!({ "version": 1, "since": profile["created_at"] }));
        assert!(!export.to_string().contains("argon2"), "not even the hash");
        let sessions: Vec<&Value> = list(&export, "sessions").iter().map(|session| &session["id"]).collect();
        assert_eq!(sessions, [&ada.session["id"]], "those that are open");
        let mut shown = api.get(&path).await.expect(200).body;
        shown.as_object_mut().unwrap().remove("user");
        assert_eq!(list(&export, "bookings"), &[shown]);

        let history = list(&export, "history");
        let mine: Vec<(&str, &str)> = history
            .iter()
            .map(|entry| (entry["type"].as_str().unwrap(), entry["actor"]["account"].as_str().unwrap()))
            .collect();
        let me = format!("user:{id}");
        let expected = [
            ("session-opened.v1", me.as_str()),
            ("session-opened.v1", &me),
            ("booking-placed.v1", &me),
            ("user-registered.v1", "anonymous"),
            ("session-closed.v1", "machine"),
            ("booking-seats-changed.v1", "machine"),
        ];
        assert_eq!(mine, expected);
        assert_eq!(history[5]["data"]["seats"][0]["seat"], "A2");

        let change = json!({ "current_password": PASSWORD, "new_password": "Praxinoscope-1877" });
        api.put(&format!("{user}/password"), &change).await.expect(204);
        let export = api.get(&format!("{user}/export")).await.expect(200).body;
        let changed = list(&export, "history").iter().find(|entry| entry["type"] == "user-password-changed.v1");
        assert_eq!(export["password"], json!({ "version": 2, "since": changed.unwrap()["recorded_at"] }));
    });
}

#[test]
fn an_export_is_as_long_as_it_takes() {
    on_shared_cinema(async |cinema| {
        let (user, showtime, broker) = (cinema.user().await, cinema.showtime().await, cinema.broker().await);
        let new = json!({ "user_id": user, "showtime_id": showtime, "seats": ["A1"] });
        let mut bookings = Vec::new();
        for _ in 0..MANY {
            let booking = broker.accepted(Service::Bookings, "place", new.clone()).await["id"].clone();
            broker.accepted(Service::Bookings, "cancel", json!({ "id": booking })).await;
            bookings.push(booking);
        }
        // What the operator did is not known to the gateway.
        let last = cinema.book(&user, &showtime, &["A2"]).await.expect(201).body["id"].clone();
        bookings.push(last);
        let export = cinema.api.get(&format!("/api/users/{user}/export")).await.expect(200).body;
        let exported: Vec<&Value> = list(&export, "bookings").iter().map(|booking| &booking["id"]).collect();
        assert_eq!(exported.len(), bookings.len());
        assert!(bookings.iter().all(|booking| exported.contains(&booking)), "each of them");
        assert_eq!(export.get("password"), None);
        let history = list(&export, "history");
        assert_eq!(history.len(), 1 + 2 * MANY + 1);
        let mut places: Vec<String> =
            history.iter().map(|entry| format!("{} {}", entry["service"], entry["position"])).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), history.len(), "each once");
    });
}

#[test]
fn an_export_is_for_the_user_and_admins() {
    on_shared_cinema(async |cinema| {
        let (Somebody { id, api, .. }, stranger) = (cinema.customer().await, cinema.customer().await.api);
        let path = format!("/api/users/{id}/export");
        let staff = cinema.api.with_token(cinema.token(Role::Staff));
        let known = async || (cinema.api.get(&path).await.status == 200).then_some(());
        eventually("the user, for others", known).await;
        for other in [stranger, staff] {
            other.get(&path).await.expect(404).expect_problem("not-found");
        }
        cinema.api.anonymous().get(&path).await.expect(401).expect_problem("unauthenticated");
        cinema.api.get(&format!("/api/users/{}/export", Uuid::now_v7())).await.expect(404).expect_problem("not-found");
        api.delete(&format!("/api/users/{id}")).await.expect(204);
        for erased in [&api, &cinema.api] {
            erased.get(&path).await.expect(404).expect_problem("not-found");
        }
    });
}

#[tokio::test]
async fn an_export_is_whole_or_none() {
    let mut cinema = Cinema::start().await;
    let path = format!("/api/users/{}/export", cinema.user().await);
    for away in ["movies", "bookings", "users"] {
        cinema.kill(away).await;
        let answer = cinema.api.get(&path).await.expect(503).expect_problem("unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        cinema.start_again(away).await;
        cinema.api.get(&path).await.expect(200);
    }
}
