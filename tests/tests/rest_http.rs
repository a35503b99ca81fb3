//! What is the same under every path: routing, media types, bodies, ids, headers, problems; the tutorial's paths, the
//! document and Swagger UI.

use std::fs;
use std::path::Path;

use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use system_tests::samples::with;
use system_tests::{Answer, Api, on_shared_cinema, samples};
use uuid::Uuid;

/// POSTs these bytes as this media type.
async fn post(api: &Api, path: &str, media_type: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
    let request = api.request(Method::POST, path).body(body.into());
    api.send(match media_type {
        Some(media_type) => request.header("content-type", media_type),
        None => request,
    })
    .await
}

const THINGS: [&str; 5] = ["users", "movies", "halls", "showtimes", "bookings"];

#[test]
fn what_is_not_there_is_a_problem() {
    on_shared_cinema(async |cinema| {
        let id = Uuid::now_v7();
        for path in [
            "/nothing".to_owned(),
            "/api/nothing".to_owned(),
            "/api/nothing.css".to_owned(),
            "/api/../etc/passwd".to_owned(),
            "/api/%2e%2e/secret".to_owned(),
            "/API/users".to_owned(),
            format!("/api/users/{id}/movies"),
            format!("/api/bookings/{id}/seats"),
            "/api/user/Bookings/".to_owned(),
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let answer = cinema.api.send(cinema.api.request(method, &path)).await.expect(404);
                let answer = answer.expect_problem("no-such-route");
                let mut fields: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
                fields.sort_unstable();
                assert_eq!(fields, ["detail", "status", "title", "type"], "{path}");
                assert_eq!(answer.header("x-content-type-options"), "nosniff");
            }
        }
        for things in THINGS {
            let unknown = cinema.api.get(&format!("/api/{things}/{id}")).await.expect(404).expect_problem("not-found");
            assert_eq!(unknown.body["title"], "Not found");
            assert!(unknown.body["detail"].as_str().unwrap().contains(&id.to_string()));
        }
    });
}

#[test]
fn a_method_that_a_path_does_not_have_is_refused_with_those_it_has() {
    on_shared_cinema(async |cinema| {
        let id = Uuid::now_v7();
        let collection = (["DELETE", "PUT", "PATCH"], ["GET", "POST"].as_slice());
        let single = (["POST", "PATCH", "TRACE"], ["DELETE", "GET", "PUT"].as_slice());
        let read_only = (["POST", "PUT", "DELETE"], ["GET"].as_slice());
        let mut cases = vec![
            (format!("/api/showtimes/{id}/seats"), read_only),
            (format!("/api/users/{id}/bookings"), read_only),
            (format!("/api/movies/{id}/showtimes"), read_only),
            (format!("/api/operations/{id}"), read_only),
            ("/api/openapi.json".to_owned(), read_only),
            ("/api/".to_owned(), read_only),
            ("/".to_owned(), read_only),
            (format!("/api/user/{id}/Bookings/"), read_only),
            ("/api/user/".to_owned(), collection),
        ];
        cases.extend(THINGS.map(|things| (format!("/api/{things}"), collection)));
        cases.extend(THINGS.map(|things| (format!("/api/{things}/{id}"), single)));
        for (path, (methods, has)) in cases {
            for method in methods {
                let request = cinema.api.request(method.parse().unwrap(), &path);
                let answer = cinema.api.send(request).await.expect(405).expect_problem("method-not-allowed");
                let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
                allowed.retain(|method| *method != "HEAD");
                allowed.sort_unstable();
                assert_eq!(allowed, has, "{method} {path}");
            }
        }
        let path = format!("/api/users/{}", cinema.user().await);
        let head = cinema.api.send(cinema.api.request(Method::HEAD, &path)).await.expect(200);
        assert_eq!((head.header("etag").is_empty(), &head.body), (false, &Value::Null));
    });
}

#[test]
fn only_json_of_a_decent_size_is_read() {
    on_shared_cinema(async |cinema| {
        let (api, user) = (&cinema.api, samples::user().to_string());
        for other in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("text/json")] {
            let answer = post(api, "/api/users", other, user.as_str()).await.expect(415);
            answer.expect_problem("unsupported-media-type");
        }
        let zipped = api.request(Method::POST, "/api/users").header("content-type", "application/json");
        let answer = api.send(zipped.header("content-encoding", "gzip").body(user.clone())).await.expect(415);
        answer.expect_problem("unsupported-media-type");
        post(api, "/api/users", Some("application/json; charset=utf-8"), user).await.expect(201);

        let json = Some("application/json");
        let nested = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
        for bad in [
            &b"{"[..],
            b"{\"username\": \"ada\",}",
            b"username=ada",
            b"{} {}",
            b"{\"username\": \"\xff\"}",
            b"{\"username\": NaN}",
            b"\xef\xbb\xbf{}",
            &nested,
            b"",
        ] {
            for things in THINGS {
                let answer = post(api, &format!("/api/{things}"), json, bad).await.expect(422);
                let answer = answer.expect_problem("invalid-input");
                assert_eq!(answer.errors().len(), 1, "{:#}", answer.body);
            }
        }
        let twice = br#"{"username": "a", "username": "b", "email": "a@example.com", "full_name": "A"}"#;
        post(api, "/api/users", json, twice).await.expect(422).expect_problem("invalid-input");

        let padded = |length: usize| {
            let mut body = samples::user().to_string().into_bytes();
            body.resize(length, b' ');
            body
        };
        post(api, "/api/users", json, padded(1 << 20)).await.expect(201);
        // On a connection of its own: it is answered, and closed, before the body is whole.
        let alone = Api::new(api.base());
        post(&alone, "/api/users", json, padded((1 << 20) + 1)).await.expect(413).expect_problem("too-large");
    });
}

#[test]
fn an_id_is_a_uuid_in_its_usual_form() {
    on_shared_cinema(async |cinema| {
        let id = Uuid::now_v7();
        let bad = ["1", "me", &id.simple().to_string(), &id.urn().to_string(), "%7Bx%7D", &format!("{id}x"), "%FF"];
        for bad in bad {
            for things in THINGS {
                let path = format!("/api/{things}/{bad}");
                cinema.api.get(&path).await.expect_invalid("id");
                cinema.api.delete(&path).await.expect_invalid("id");
                cinema.api.put(&path, &json!({})).await.expect_invalid("id");
            }
            for path in ["users/{}/bookings", "movies/{}/showtimes", "showtimes/{}/seats", "operations/{}"] {
                cinema.api.get(&format!("/api/{}", path.replace("{}", bad))).await.expect_invalid("id");
            }
        }
        let user = cinema.user().await;
        let shouted = cinema.api.get(&format!("/api/users/{}", user.to_uppercase())).await.expect(200);
        assert_eq!(shouted.id(), user);
    });
}

#[test]
fn an_answer_is_not_older_than_the_caller_says_or_it_is_none() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        let user = api.post("/api/users", &samples::user()).await.expect(201);
        let get = async |position: &str| {
            api.send(api.request(Method::GET, user.header("location")).header("marquee-min-position", position)).await
        };
        get(user.header("marquee-position")).await.expect(200);
        get("bookings=0, movies=0,users=1").await.expect(200);
        get("").await.expect(200);
        let answer = get("users=1000000").await.expect(503).expect_problem("unavailable");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
        get("1000000").await.expect_invalid("Marquee-Min-Position");
        get("films=1").await.expect_invalid("Marquee-Min-Position");
        get("users=-1").await.expect_invalid("Marquee-Min-Position");
        api.get(user.header("location")).await.expect(200);
    });
}

#[test]
fn the_tutorials_paths_answer_like_ours() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        let user = api.post("/api/user/", &samples::user()).await.expect(201);
        let id = user.id();
        assert_eq!(user.header("location"), format!("/api/users/{id}"));
        let showtime = cinema.showtime().await;
        let booking = json!({ "user_id": id, "showtime_id": showtime, "seats": ["A1"] });
        let booking = api.post("/api/bookings/", &booking).await.expect(201);
        for path in [format!("/api/user/{id}"), format!("/api/user/{id}/"), format!("/api/users/{id}/")] {
            assert_eq!(api.get(&path).await.expect(200).body, user.body);
        }
        for path in [
            format!("/api/user/{id}/Bookings/"),
            format!("/api/user/{id}/Bookings"),
            format!("/api/users/{id}/bookings/"),
            format!("/api/bookings/?user_id={id}"),
        ] {
            assert_eq!(api.get(&path).await.expect(200).body, json!({ "items": [booking.body] }), "{path}");
        }
        let email = user.body["email"].as_str().unwrap();
        assert_eq!(api.get(&format!("/api/user/?email={email}")).await.expect(200).body["items"][0], user.body);
        let movie = api.post("/api/movies/", &with(samples::movie(), "title", id.as_str())).await.expect(201);
        let pages = api.pages(&format!("/api/movies/?title={id}&limit=1")).await;
        assert_eq!(pages, [[movie.body]]);
        api.pages("/api/user/?limit=1").await;
        let changed = samples::user();
        assert_eq!(api.put(&format!("/api/user/{id}"), &changed).await.expect(200).body["email"], changed["email"]);
        api.delete(&format!("/api/user/{id}/")).await.expect(204);
        api.get(&format!("/api/user/{id}")).await.expect(404).expect_problem("not-found");
    });
}

#[test]
fn the_front_door_leads_to_swagger_ui_and_its_files_are_there() {
    on_shared_cinema(async |cinema| {
        let api = &cinema.api;
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        for path in ["/", "/api"] {
            let answer = client.get(format!("{}{path}", api.base())).send().await.unwrap();
            assert!(answer.status().is_redirection(), "{path}");
            assert_eq!(answer.headers()["location"], "/api/");
        }
        let page = api.get("/api/").await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"));
        let page = page.body.as_str().unwrap();
        let files = page.split(['"', '\'']).filter_map(|text| text.strip_prefix("./"));
        let files: Vec<&str> = files.filter(|file| file.ends_with(".js") || file.ends_with(".css")).collect();
        assert!(files.len() >= 4, "{page}");
        for file in files {
            let answer = api.get(&format!("/api/{file}")).await.expect(200);
            let kind = if file.ends_with(".js") { "javascript" } else { "text/css" };
            assert!(answer.header("content-type").contains(kind), "{file}");
            assert!(!answer.body.as_str().unwrap().is_empty());
        }
        let script = api.get("/api/swagger-initializer.js").await.expect(200).body;
        assert!(script.as_str().unwrap().contains("openapi.json"), "{script}");
    });
}

#[test]
fn the_document_is_the_one_that_is_checked_in() {
    on_shared_cinema(async |cinema| {
        let served = cinema.api.get("/api/openapi.json").await.expect(200);
        assert_eq!(served.header("content-type"), "application/json");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/openapi.json");
        let checked_in: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(served.body == checked_in, "schemas/openapi.json is another document; the gateway's tests write it");
    });
}
