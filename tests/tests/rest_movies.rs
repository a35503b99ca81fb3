//! Movies and halls at the REST door.

use serde_json::{Value, json};
use system_tests::samples::{hall, in_days, movie, showtime, with, without};
use system_tests::{on_shared_cinema, samples};
use uuid::Uuid;

#[test]
fn a_movie_is_added_read_changed_and_removed() {
    on_shared_cinema(async |cinema| {
        let (api, details) = (&cinema.api, full_movie());
        let added = api.post("/api/movies", &details).await.expect(201);
        let path = format!("/api/movies/{}", added.id());
        assert_eq!(added.header("location"), path);
        assert!(added.header("etag").starts_with("\"1-"), "{}", added.header("etag"));
        assert!(added.header("marquee-position").starts_with("movies="));
        for (field, value) in details.as_object().unwrap() {
            assert_eq!(&added.body[field], value, "{field}");
        }
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&added.body, added.header("etag")));

        // PUT replaces everything: what is left out is gone.
        let changed = api.put(&path, &with(movie(), "rating", 10)).await.expect(200);
        assert!(changed.header("etag").starts_with("\"2-"), "{}", changed.header("etag"));
        assert!(changed.header("marquee-position").starts_with("movies="));
        assert_eq!((&changed.body["version"], &changed.body["rating"]), (&json!(2), &json!(10.0)));
        assert_eq!(changed.body["created_at"], added.body["created_at"]);
        for field in ["synopsis", "genres", "release_date", "certificate", "poster_url"] {
            assert_eq!(changed.body.get(field), None, "{field}");
        }
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&changed.body, changed.header("etag")));

        let removed = api.delete(&path).await.expect(204);
        assert_eq!(removed.body, Value::Null);
        assert!(removed.header("marquee-position").starts_with("movies="));
        api.get(&path).await.expect(404).expect_problem("not-found");
        api.get(&format!("{path}/showtimes")).await.expect(404).expect_problem("not-found");
        api.put(&path, &movie()).await.expect(404).expect_problem("not-found");
        api.delete(&path).await.expect(404).expect_problem("not-found");
        assert!(api.all("/api/movies").await.iter().all(|movie| movie["id"] != added.body["id"]));
    });
}

fn full_movie() -> Value {
    json!({
        "title": "Die Nibelungen: Siegfried", "director": "Fritz Lang", "rating": 8.1, "runtime_minutes": 150,
        "synopsis": "A hero, a dragon, a leaf.", "genres": ["Fantasy", "Silent film"], "release_date": "1924-02-14",
        "certificate": "12", "poster_url": "https://example.com/siegfried.jpg?size=1&x=%20",
    })
}

#[test]
fn what_is_wrong_with_a_movie_is_named() {
    on_shared_cinema(async |cinema| {
        let path = format!("/api/movies/{}", cinema.movie().await);
        let wrong = [
            (with(movie(), "title", ""), "title"),
            (with(movie(), "title", "x".repeat(201)), "title"),
            (with(movie(), "director", "x".repeat(101)), "director"),
            (with(movie(), "rating", 0.9), "rating"),
            (with(movie(), "rating", 10.1), "rating"),
            (with(movie(), "rating", 8.15), "rating"),
            (with(movie(), "rating", "8"), "rating"),
            (with(movie(), "runtime_minutes", 0), "runtime_minutes"),
            (with(movie(), "runtime_minutes", 901), "runtime_minutes"),
            (with(movie(), "runtime_minutes", -5), "runtime_minutes"),
            (with(movie(), "runtime_minutes", 90.5), "runtime_minutes"),
            (with(movie(), "synopsis", "x".repeat(2001)), "synopsis"),
            (with(movie(), "genres", "Drama"), "genres"),
            (with(movie(), "genres", json!(["Drama", ""])), "genres[1]"),
            (with(movie(), "genres", vec!["Drama"; 11]), "genres"),
            (with(movie(), "release_date", "1927-02-30"), "release_date"),
            (with(movie(), "release_date", "10.1.1927"), "release_date"),
            (with(movie(), "certificate", "x".repeat(21)), "certificate"),
            (with(movie(), "poster_url", "javascript:alert(1)"), "poster_url"),
            (with(movie(), "poster_url", "/poster.jpg"), "poster_url"),
            (with(movie(), "price", 12), "price"),
            (without(movie(), "title"), "."),
            (without(movie(), "rating"), "."),
        ];
        for (body, field) in wrong {
            cinema.api.post("/api/movies", &body).await.expect_invalid(field);
            cinema.api.put(&path, &body).await.expect_invalid(field);
        }
        for (field, value) in [("rating", json!(1)), ("runtime_minutes", json!(1)), ("runtime_minutes", json!(900))] {
            cinema.api.post("/api/movies", &with(movie(), field, value)).await.expect(201);
        }
    });
}

#[test]
fn movies_are_found_by_title_literally_and_without_regard_to_case() {
    on_shared_cinema(async |cinema| {
        // A word that no other test's titles have.
        let word = Uuid::now_v7().simple().to_string();
        let titles = ["100% Wolf", "1000 Wolf", "under_score", "underXscore", r"back\slash", "Ødipus ÉTÉ 🎬"];
        for title in titles {
            let title = format!("{title} {word}");
            cinema.api.post("/api/movies", &with(movie(), "title", title)).await.expect(201);
        }
        let found = async |title: &str| {
            let encoded: String = title.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let page = cinema.api.get(&format!("/api/movies?title={encoded}")).await.expect(200).body;
            let items = page["items"].as_array().unwrap().iter();
            let titles = items.map(|movie| movie["title"].as_str().unwrap().replace(&word, "").trim().to_owned());
            titles.collect::<Vec<String>>()
        };
        assert_eq!(found(&word).await, titles, "oldest first");
        assert_eq!(found(&word.to_uppercase()).await.len(), 6);
        assert_eq!(found(&format!("WOLF {word}")).await, ["100% Wolf", "1000 Wolf"]);
        assert_eq!(found(&format!("% wolf {word}")).await, ["100% Wolf"]);
        assert_eq!(found(&format!("r_score {word}")).await, ["under_score"]);
        assert_eq!(found(&format!(r"k\slash {word}")).await, [r"back\slash"]);
        assert_eq!(found(&format!("été 🎬 {word}")).await, ["Ødipus ÉTÉ 🎬"]);
        assert_eq!(found(&format!("%{word}")).await, Vec::<String>::new());

        let pages = cinema.api.pages(&format!("/api/movies?title={word}&limit=4")).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2], "pages keep the filter");
        let exactly = cinema.api.pages(&format!("/api/movies?limit=3&title={word}")).await;
        assert_eq!(exactly.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3], "a full last page has no next");
        cinema.api.get("/api/movies?title=").await.expect_invalid("title");
        cinema.api.get("/api/movies?titel=x").await.expect_invalid("titel");
        cinema.api.get("/api/movies?cursor=1").await.expect_invalid("cursor");
    });
}

#[test]
fn a_hall_is_added_read_changed_and_removed() {
    on_shared_cinema(async |cinema| {
        let (api, details) = (&cinema.api, hall());
        let added = api.post("/api/halls", &details).await.expect(201);
        let path = format!("/api/halls/{}", added.id());
        assert_eq!(added.header("location"), path);
        assert!(added.header("etag").starts_with("\"1-"), "{}", added.header("etag"));
        assert!(added.header("marquee-position").starts_with("movies="));
        assert_eq!((&added.body["name"], &added.body["layout"]), (&details["name"], &details["layout"]));
        assert_eq!(added.body["capacity"], 49, "what is blocked is not sold");
        let found = api.get(&path).await.expect(200);
        assert_eq!((&found.body, found.header("etag")), (&added.body, added.header("etag")));

        let layout = json!({ "rows": [{ "label": "AA", "runs": [
            { "kind": "gap", "count": 1 }, { "kind": "seats", "count": 3, "category": "love-seat" },
        ] }] });
        let changed = api.put(&path, &with(details.clone(), "layout", layout.clone())).await.expect(200);
        assert!(changed.header("etag").starts_with("\"2-"), "{}", changed.header("etag"));
        assert_eq!((&changed.body["capacity"], &changed.body["layout"]), (&json!(3), &layout));
        assert_eq!(api.get(&path).await.expect(200).body, changed.body);

        api.delete(&path).await.expect(204);
        api.get(&path).await.expect(404).expect_problem("not-found");
        api.put(&path, &details).await.expect(404).expect_problem("not-found");
        api.delete(&path).await.expect(404).expect_problem("not-found");
        assert!(api.all("/api/halls").await.iter().all(|hall| hall["id"] != added.body["id"]));
    });
}

#[test]
fn what_is_wrong_with_a_hall_is_named() {
    on_shared_cinema(async |cinema| {
        let path = format!("/api/halls/{}", cinema.hall().await);
        let rows = |rows: Value| with(hall(), "layout", json!({ "rows": rows }));
        let runs = |runs: Value| rows(json!([{ "label": "A", "runs": runs }]));
        let seats = |count: u32| json!({ "kind": "seats", "count": count, "category": "standard" });
        let row = |label: &str| json!({ "label": label, "runs": [seats(1)] });
        let wrong = [
            (with(hall(), "name", ""), "name"),
            (with(hall(), "name", "x".repeat(51)), "name"),
            (with(hall(), "seats", 3), "seats"),
            (without(hall(), "layout"), "."),
            (rows(json!([])), "layout"),
            (rows(json!([row("A"), row("A")])), "layout"),
            (rows(json!([row("A"), row("a")])), "layout.rows[1].label"),
            (rows(json!([row("ABC")])), "layout.rows[0].label"),
            (runs(json!([])), "layout"),
            (runs(json!([seats(0)])), "layout"),
            (runs(json!([seats(201)])), "layout"),
            (runs(json!([seats(70_000)])), "layout.rows[0].runs[0]"),
            (runs(json!([{ "kind": "gap", "count": 2 }, { "kind": "blocked", "count": 2 }])), "layout"),
            (runs(json!([seats(1), { "kind": "sofa", "count": 1 }])), "layout.rows[0].runs[1].kind"),
            (runs(json!([with(seats(1), "category", "Two Words")])), "layout.rows[0].runs[0]"),
            (runs(json!([with(seats(1), "colour", "red")])), "layout.rows[0].runs[0]"),
        ];
        for (body, field) in wrong {
            cinema.api.post("/api/halls", &body).await.expect_invalid(field);
            cinema.api.put(&path, &body).await.expect_invalid(field);
        }
        let widest = rows(json!(
            (b'A'..=b'Z')
                .map(|label| json!({ "label": char::from(label).to_string(), "runs":
            [seats(200)] }))
                .collect::<Vec<_>>()
        ));
        assert_eq!(cinema.api.post("/api/halls", &widest).await.expect(201).body["capacity"], 26 * 200);
    });
}

#[test]
fn a_halls_name_belongs_to_one_hall_until_it_is_let_go() {
    on_shared_cinema(async |cinema| {
        let (api, first, second) = (&cinema.api, hall(), hall());
        let shouted = with(second.clone(), "name", first["name"].as_str().unwrap().to_uppercase());
        let one = format!("/api/halls/{}", api.post("/api/halls", &first).await.expect(201).id());
        let other = format!("/api/halls/{}", api.post("/api/halls", &second).await.expect(201).id());
        for answer in [api.post("/api/halls", &shouted).await, api.put(&other, &shouted).await] {
            assert_eq!(answer.expect(409).expect_problem("hall-name-taken").errors(), [("name", "taken")]);
        }
        api.put(&one, &shouted).await.expect(200);
        api.put(&one, &hall()).await.expect(200);
        api.put(&other, &first).await.expect(200);
        api.delete(&other).await.expect(204);
        api.post("/api/halls", &first).await.expect(201);
    });
}

#[test]
fn halls_are_listed_page_by_page() {
    on_shared_cinema(async |cinema| {
        let mut mine = Vec::new();
        for _ in 0..5 {
            mine.push(cinema.hall().await);
        }
        let pages = cinema.api.pages("/api/halls?limit=2").await;
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == 2));
        let listed: Vec<&str> = pages.iter().flatten().map(|hall| hall["id"].as_str().unwrap()).collect();
        assert!(listed.is_sorted_by(|one, other| one < other), "{listed:?}");
        assert_eq!(listed.iter().filter(|id| mine.iter().any(|one| one == *id)).count(), 5);
        cinema.api.get("/api/halls?limit=-1").await.expect_invalid("limit");
        cinema.api.get("/api/halls?cursor=x").await.expect_invalid("cursor");
    });
}

#[test]
fn what_is_still_to_be_shown_keeps_its_movie_and_its_hall() {
    on_shared_cinema(async |cinema| {
        let (api, hall_details) = (&cinema.api, hall());
        let movie_id = cinema.movie().await;
        let hall_id = api.post("/api/halls", &hall_details).await.expect(201).id();
        let (movie_path, hall_path) = (format!("/api/movies/{movie_id}"), format!("/api/halls/{hall_id}"));
        let later = with(showtime(&movie_id, &hall_id), "starts_at", in_days(30));
        let showtime = api.post("/api/showtimes", &later).await.expect(201).header("location").to_owned();

        api.delete(&movie_path).await.expect(409).expect_problem("has-upcoming-showtimes");
        api.delete(&hall_path).await.expect(409).expect_problem("has-upcoming-showtimes");
        let rebuilt = with(hall_details.clone(), "layout", json!({ "rows": [hall_details["layout"]["rows"][0]] }));
        let refused = api.put(&hall_path, &rebuilt).await.expect(409).expect_problem("has-upcoming-showtimes");
        assert_eq!(refused.errors(), [("layout", "needed")]);
        assert_eq!(api.get(&hall_path).await.expect(200).body["version"], 1);

        // Names are another matter, and showtimes show them at once.
        let renamed = with(hall_details, "name", samples::hall()["name"].clone());
        api.put(&hall_path, &renamed).await.expect(200);
        api.put(&movie_path, &with(movie(), "title", "M")).await.expect(200);
        let shown = api.get(&showtime).await.expect(200).body;
        assert_eq!(shown["movie"], json!({ "id": movie_id, "title": "M" }));
        assert_eq!(shown["hall"], json!({ "id": hall_id, "name": renamed["name"] }));

        api.delete(&showtime).await.expect(204);
        api.put(&hall_path, &rebuilt).await.expect(200);
        api.delete(&movie_path).await.expect(204);
        api.delete(&hall_path).await.expect(204);
        let shown = api.get(&showtime).await.expect(200).body;
        assert_eq!((&shown["status"], &shown["movie"]["title"]), (&json!("cancelled"), &json!("M")));
    });
}
