//! Whatever comes in at the REST door: it is understood or refused with a problem that tells what to mend. Never a fault
//! of ours, never a word about the inside.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use system_tests::nasty::{change, changed, json as nasty_json, text};
use system_tests::{Cinema, Raw, holds_for, on_shared_cinema, samples};

/// Words that are only known inside.
const INSIDE: [&str; 18] = [
    "sql",
    "SQL",
    "diesel",
    "nats",
    "NATS",
    "jetstream",
    "JetStream",
    "panicked",
    "src/",
    ".rs",
    "std::",
    "serde::",
    "struct ",
    "enum ",
    "variant",
    "utf8mb4",
    "Error {",
    "thread",
];

/// Holds for every answer to well-formed HTTP; `said` is what the request said, which may come back in the answer.
fn judge(answer: &str, said: &str) -> Result<(), String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("no answer: {answer:?}"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" | "201" | "202" | "204" | "304" | "307" => return Ok(()),
        // What is no HTTP is answered by hyper, without a body.
        "400" | "414" | "431" if body.is_empty() => return Ok(()),
        _ => {}
    }
    let problem: Value = serde_json::from_str(body).map_err(|error| format!("{error} in {answer}"))?;
    let case = problem["type"].as_str().and_then(|text| text.strip_prefix("urn:marquee:problem:"));
    let by_design = status.starts_with('4') || (status == "503" && case == Some("unavailable"));
    let fields = problem.as_object().ok_or("no object")?;
    let known = fields.keys().all(|key| matches!(key.as_str(), "type" | "title" | "status" | "detail" | "errors"));
    let typed = head.contains("\r\ncontent-type: application/problem+json");
    let told = [&problem["detail"], &problem["errors"]].map(ToString::to_string).concat();
    let leak = INSIDE.iter().find(|word| told.contains(**word) && !said.contains(**word));
    let good = by_design && known && typed && leak.is_none() && problem["status"].as_u64() == status.parse().ok();
    if good { Ok(()) } else { Err(format!("{leak:?} in {answer}")) }
}

/// What a path answers with a body that is right, as far as it goes.
struct Route {
    line: String,
    body: Value,
}

/// All routes that read a body, with things that are there.
async fn routes(cinema: &Cinema) -> Vec<Route> {
    let (user, movie, hall) = (cinema.user().await, cinema.movie().await, cinema.hall().await);
    let showtime = samples::showtime(&movie, &hall);
    let showing = cinema.api.post("/api/showtimes", &showtime).await.expect(201).id();
    let booking = json!({ "user_id": user, "showtime_id": showing, "seats": ["A1", "A2"] });
    let booked = cinema.book(&user, &showing, &["E1"]).await.expect(201).id();
    [
        ("POST /api/users".into(), samples::user()),
        ("POST /api/movies".into(), samples::movie()),
        ("POST /api/halls".into(), samples::hall()),
        ("POST /api/showtimes".into(), showtime.clone()),
        ("POST /api/bookings".into(), booking),
        (format!("PUT /api/users/{user}"), samples::user()),
        (format!("PUT /api/movies/{movie}"), samples::movie()),
        (format!("PUT /api/halls/{hall}"), samples::hall()),
        (format!("PUT /api/showtimes/{showing}"), showtime),
        (format!("PUT /api/bookings/{booked}"), json!({ "seats": ["E2"] })),
    ]
    .map(|(line, body)| Route { line, body })
    .into()
}

/// A request as it goes over the wire.
fn request(line: &[u8], headers: &[(&str, Vec<u8>)], body: &[u8]) -> Vec<u8> {
    let mut request = [line, b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"].concat();
    for (name, value) in headers {
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    request.extend(format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len()).bytes());
    [request.as_slice(), body].concat()
}

async fn check(cinema: &Cinema, request: &[u8]) -> Result<(), String> {
    judge(&Raw::exchange(&cinema.api, request).await, &String::from_utf8_lossy(request))
}

/// What all that was good for: somebody can still book.
async fn books(cinema: &Cinema) {
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
}

/// Values that are odd in a path, a query or a header.
const ODD: [&str; 10] =
    ["%", "%ff", "%00", "..", "%2e%2e%2f", "//", ";", "-1", "999999999999999999999", "wait=99999999999"];

/// Bytes that can stand in a first line or a header.
fn visible() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>().prop_filter("no end", |byte| !matches!(byte, b'\r' | b'\n' | b' ' | 0)), 0..40),
        text().prop_map(|text| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().into_bytes()),
        select(ODD.as_slice()).prop_map(|odd| odd.as_bytes().to_vec()),
    ]
}

#[test]
fn any_body() {
    on_shared_cinema(async |cinema| {
        let routes = routes(cinema).await;
        let body = prop_oneof![vec(any::<u8>(), 0..200), nasty_json()];
        holds_for(500, (any::<Index>(), body), async |(route, body)| {
            check(cinema, &request(route.get(&routes).line.as_bytes(), &[], &body)).await
        });
        books(cinema).await;
    });
}

#[test]
fn any_change_to_a_body_that_is_right() {
    on_shared_cinema(async |cinema| {
        let routes = routes(cinema).await;
        holds_for(1500, (any::<Index>(), change()), async |(route, change)| {
            let Route { line, body } = route.get(&routes);
            check(cinema, &request(line.as_bytes(), &[], &changed(body, &change))).await
        });
        books(cinema).await;
    });
}

#[test]
fn any_path_and_any_query() {
    on_shared_cinema(async |cinema| {
        let things = select(["users", "movies", "halls", "showtimes", "bookings", "operations", "user", ""].as_slice());
        let rest = select(["", "/bookings", "/showtimes", "/seats", "/"].as_slice());
        const NAMES: [&str; 9] =
            ["limit", "cursor", "title", "email", "user_id", "showtime_id", "movie_id", "from", "x"];
        let query = option::of((
            prop_oneof![select(NAMES.as_slice()).prop_map(|name| name.as_bytes().to_vec()), visible()],
            visible(),
        ));
        let method = select(["GET", "DELETE", "HEAD", "OPTIONS", "PATCH"].as_slice());
        let parts = (method, things, option::of(visible()), rest, query);
        holds_for(800, parts, async |(method, things, id, rest, query)| {
            let mut line = format!("{method} /api/{things}").into_bytes();
            line.extend(id.into_iter().flat_map(|id| [b"/".to_vec(), id].concat()));
            line.extend(rest.bytes());
            line.extend(
                query.into_iter().flat_map(|(name, value)| [b"?".to_vec(), name, b"=".to_vec(), value].concat()),
            );
            let request = request(&line, &[], b"");
            // An answer to HEAD has no body to judge.
            if method == "HEAD" {
                let answer = Raw::exchange(&cinema.api, &request).await;
                return if answer.starts_with("HTTP/1.1 5") { Err(answer) } else { Ok(()) };
            }
            judge(&Raw::exchange(&cinema.api, &request).await, &String::from_utf8_lossy(&line))
        });
        books(cinema).await;
    });
}

#[test]
fn any_header() {
    on_shared_cinema(async |cinema| {
        let routes = routes(cinema).await;
        const NAMES: [&str; 16] = [
            "prefer",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "marquee-min-position",
            "accept",
            "authorization",
            "content-type",
            "content-encoding",
            "cookie",
            "expect",
            "range",
            "origin",
            "x-forwarded-for",
            "traceparent",
            "last-event-id",
        ];
        let headers = vec((select(NAMES.as_slice()), visible()), 1..4);
        holds_for(500, (any::<Index>(), headers), async |(route, headers)| {
            let Route { line, body } = route.get(&routes);
            check(cinema, &request(line.as_bytes(), &headers, body.to_string().as_bytes())).await
        });
        books(cinema).await;
    });
}

#[test]
fn any_bytes_instead_of_http() {
    on_shared_cinema(async |cinema| {
        let nearly = vec(any::<u8>(), 0..60).prop_map(|rest| [b"POST /api/users HTTP/1.1\r\n".to_vec(), rest].concat());
        holds_for(300, prop_oneof![vec(any::<u8>(), 0..200), nearly], async |bytes| {
            let mut raw = Raw::connect(&cinema.api).await;
            raw.send(&bytes).await;
            raw.finish().await;
            let answer = raw.read_to_end().await;
            if answer.is_empty() || answer.starts_with("HTTP/1.1 4") { Ok(()) } else { Err(answer) }
        });
        books(cinema).await;
    });
}
