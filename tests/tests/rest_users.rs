//! Users at the REST door.

use contracts::Service;
use futures_util::future::join_all;
use serde_json::{Value, json};
use system_tests::samples::{with, without};
use system_tests::{on_shared_cinema, samples};
use uuid::Uuid;

#[test]
fn a_user_is_added_read_changed_and_erased() {
    on_shared_cinema(async |cinema| {
        let (api, details) = (&cinema.api, samples::user());
        let added = api.post("/api/users", &details).await.expect(201);
        let path = format!("/api/users/{}", added.id());
        assert_eq!(added.header("location"), path);
        assert_eq!(added.header("content-type"), "application/json");
        assert!(added.header("etag").starts_with("\"1-"), "{}", added.header("etag"));
        assert!(position(added.header("marquee-position")) > 0);
        for field in ["username", "email", "full_name"] {
            assert_eq!(added.body[field], details[field]);
        }
        assert_eq!(added.body["version"], 1);
        assert_eq!(added.body["updated_at"], added.body["created_at"]);
        assert_eq!(added.body["roles"], json!(["customer"]));
        assert_eq!(added.body.as_object().unwrap().len(), 8);

        let found = api.get(&path).await.expect(200);
        assert_eq!(found.body, added.body, "the answer to a write is what a read shows");
        assert_eq!(found.header("etag"), added.header("etag"));

        let details = with(with(samples::user(), "username", "countess"), "full_name", "Augusta Ada King");
        let changed = api.put(&path, &details).await.expect(200);
        assert!(changed.header("etag").starts_with("\"2-"), "{}", changed.header("etag"));
        assert!(position(changed.header("marquee-position")) > position(added.header("marquee-position")));
        assert_eq!((&changed.body["version"], &changed.body["email"]), (&json!(2), &details["email"]));
        assert_eq!(changed.body["full_name"], "Augusta Ada King");
        assert_eq!(changed.body["created_at"], added.body["created_at"]);
        assert!(changed.body["updated_at"].as_str() > added.body["updated_at"].as_str());
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&changed.body, changed.header("etag")));

        let erased = api.delete(&path).await.expect(204);
        assert_eq!(erased.body, Value::Null);
        assert!(position(erased.header("marquee-position")) > position(changed.header("marquee-position")));
        api.get(&path).await.expect(404).expect_problem("not-found");
        api.get(&format!("{path}/bookings")).await.expect(404).expect_problem("not-found");
        api.put(&path, &details).await.expect(404).expect_problem("not-found");
        api.delete(&path).await.expect(404).expect_problem("not-found");
        let by_email = format!("/api/users?email={}", details["email"].as_str().unwrap());
        assert_eq!(api.get(&by_email).await.expect(200).body, json!({ "items": [] }));
    });
}

#[test]
fn a_change_of_a_user_who_is_erased_since_is_still_said_to_be_done() {
    on_shared_cinema(async |cinema| {
        let (api, details) = (&cinema.api, samples::user());
        let path = format!("/api/users/{}", api.post("/api/users", &details).await.expect(201).id());
        let bodies = [(path.clone(), details), (format!("{path}/roles"), json!({ "roles": ["staff"] }))];
        let change = async |(path, body): &(String, Value)| {
            let request = api.request(reqwest::Method::PUT, path).header("idempotency-key", format!("key-of-{path}"));
            api.send(request.json(body)).await
        };
        for body in &bodies {
            change(body).await.expect(200);
        }
        api.delete(&path).await.expect(204);
        // Whoever lost the answer asks again under the same key, and must not be told that nothing was done.
        for body in &bodies {
            assert_eq!(change(body).await.expect(204).body, Value::Null);
        }
    });
}

/// The position in the users service's journal.
fn position(header: &str) -> u64 {
    header.strip_prefix("users=").unwrap_or_else(|| panic!("{header}")).parse().expect("a number")
}

#[test]
fn what_is_wrong_with_a_user_is_named() {
    on_shared_cinema(async |cinema| {
        let path = format!("/api/users/{}", cinema.user().await);
        let good = samples::user;
        let wrong = [
            (with(good(), "username", ""), "username"),
            (with(good(), "username", "   "), "username"),
            (with(good(), "username", "a".repeat(51)), "username"),
            (with(good(), "username", "a\u{202e}b"), "username"),
            (with(good(), "username", 7), "username"),
            (with(good(), "email", "ada"), "email"),
            (with(good(), "email", "ada@example"), "email"),
            (with(good(), "email", format!("{}@example.com", "a".repeat(65))), "email"),
            (with(good(), "email", Value::Null), "email"),
            (with(good(), "full_name", "a\nb"), "full_name"),
            (with(good(), "full_name", "é".repeat(101)), "full_name"),
            (with(good(), "roles", json!(["admin"])), "roles"),
            (with(good(), "id", Uuid::now_v7().to_string()), "id"),
            (without(good(), "username"), "."),
            (without(good(), "email"), "."),
            (without(good(), "full_name"), "."),
            (json!({}), "."),
            (json!([]), "."),
            (json!("ada"), "."),
            (Value::Null, "."),
        ];
        for (body, field) in wrong {
            cinema.api.post("/api/users", &body).await.expect_invalid(field);
            cinema.api.put(&path, &body).await.expect_invalid(field);
        }
        let missing = cinema.api.post("/api/users", &without(good(), "email")).await.expect(422);
        assert!(missing.body["detail"].as_str().unwrap().contains("email"), "{:#}", missing.body);
        assert_eq!(cinema.api.get(&path).await.expect(200).body["version"], 1);
    });
}

#[test]
fn names_in_all_scripts_are_kept_as_they_are() {
    on_shared_cinema(async |cinema| {
        for name in ["Élodie Ŝmit", "王小明", "Zoë 🎬", "O'Neil \"; DROP TABLE users --", "<b>&amp;</b>", "%_\\"]
        {
            let user = with(with(samples::user(), "username", name), "full_name", format!("  {name} "));
            let added = cinema.api.post("/api/users", &user).await.expect(201);
            let found = cinema.api.get(added.header("location")).await.expect(200);
            assert_eq!((&found.body["username"], &found.body["full_name"]), (&json!(name), &json!(name)));
        }
        let longest = with(with(samples::user(), "username", "é".repeat(50)), "full_name", "王".repeat(100));
        cinema.api.post("/api/users", &longest).await.expect(201);
    });
}

#[test]
fn an_e_mail_address_belongs_to_one_user_until_they_let_it_go() {
    on_shared_cinema(async |cinema| {
        let (api, first, second) = (&cinema.api, samples::user(), samples::user());
        let shouted = with(first.clone(), "email", first["email"].as_str().unwrap().to_uppercase());
        let ada = format!("/api/users/{}", api.post("/api/users", &first).await.expect(201).id());
        let bob = format!("/api/users/{}", api.post("/api/users", &second).await.expect(201).id());
        for answer in [api.post("/api/users", &shouted).await, api.put(&bob, &shouted).await] {
            assert_eq!(answer.expect(409).expect_problem("email-taken").errors(), [("email", "taken")]);
        }
        assert_eq!(api.get(&bob).await.expect(200).body["version"], 1);

        // One's own address can be kept and written differently.
        api.put(&ada, &first).await.expect(200);
        assert_eq!(api.put(&ada, &shouted).await.expect(200).body["email"], shouted["email"]);
        api.put(&ada, &samples::user()).await.expect(200);
        assert_eq!(api.put(&bob, &first).await.expect(200).body["email"], first["email"]);
        api.delete(&bob).await.expect(204);
        api.post("/api/users", &first).await.expect(201);
    });
}

#[test]
fn users_are_listed_page_by_page_and_found_by_address() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        let mut mine = Vec::new();
        for _ in 0..5 {
            mine.push(cinema.user().await);
        }
        let pages = api.pages("/api/users?limit=2").await;
        let (last, others) = pages.split_last().unwrap();
        assert!(others.iter().all(|page| page.len() == 2) && (1..=2).contains(&last.len()));
        let listed: Vec<&str> = pages.iter().flatten().map(|user| user["id"].as_str().unwrap()).collect();
        assert!(listed.is_sorted_by(|one, other| one < other), "{listed:?}");
        let found: Vec<&&str> = listed.iter().filter(|id| mine.iter().any(|one| one == *id)).collect();
        assert_eq!(found.len(), 5, "each once");

        let user = api.get(&format!("/api/users/{}", mine[0])).await.expect(200).body;
        let email = user["email"].as_str().unwrap().to_uppercase();
        let found = api.get(&format!("/api/users?email={email}")).await.expect(200);
        assert_eq!(found.body, json!({ "items": [user] }));
        assert_eq!(found.headers.get("link"), None);
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=many", "limit"),
            ("email=ada", "email"),
            ("cursor=nowhere", "cursor"),
            ("name=ada", "name"),
        ] {
            api.get(&format!("/api/users?{query}")).await.expect_invalid(field);
        }
    });
}

#[test]
fn events_about_a_user_have_nothing_personal_in_them() {
    on_shared_cinema(async |cinema| {
        let (api, user) = (&cinema.api, samples::user());
        let added = api.post("/api/users", &user).await.expect(201);
        let path = added.header("location").to_owned();
        api.put(&path, &with(user.clone(), "full_name", "Countess of Lovelace")).await.expect(200);
        let erased = api.delete(&path).await.expect(204);
        let events = cinema.broker().await.events(Service::Users, position(erased.header("marquee-position"))).await;
        let theirs: Vec<_> = events.into_iter().filter(|event| event.data["user_id"] == added.body["id"]).collect();
        assert_eq!(theirs.len(), 3);
        for event in theirs {
            assert_eq!(event.data, json!({ "user_id": added.body["id"] }));
            assert!(!format!("{event:?}").contains(user["email"].as_str().unwrap()), "{event:?}");
        }
    });
}

#[test]
fn an_erased_users_id_and_an_unknown_one_are_the_same_to_everyone() {
    on_shared_cinema(async |cinema| {
        let erased = cinema.user().await;
        cinema.api.delete(&format!("/api/users/{erased}")).await.expect(204);
        let unknown = Uuid::now_v7().to_string();
        let answers = join_all([&erased, &unknown].map(async |id| {
            let answer = cinema.api.get(&format!("/api/users/{id}")).await.expect(404).expect_problem("not-found");
            answer.body.to_string().replace(id, "")
        }))
        .await;
        assert_eq!(answers[0], answers[1]);
    });
}
