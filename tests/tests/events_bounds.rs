//! How many may listen, how long, and what a listener costs who does not read.

use std::time::Duration;

use contracts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::samples::{self, with};
use system_tests::{Api, Cinema, Listening};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn a_gateway_keeps_its_bounds() {
    let mut cinema = Cinema::start().await;
    heartbeats(&mut cinema).await;
    room(&mut cinema).await;
    slow_listeners(&mut cinema).await;
    shutdown(&mut cinema).await;
}

async fn heartbeats(cinema: &mut Cinema) {
    let api = cinema.add_gateway_with("heart", &["--heartbeat", "1", "--idle-timeout", "1"]).await;
    // Nothing is told that concerns it, but how far it has come is.
    let path = format!("/api/events?id={}", uuid::Uuid::now_v7());
    let (mut events, seats) = (Listening::open(&api, &path).await, cinema.seats().await.1);
    let mut seats = Listening::open(&api, &seats).await;
    let start = events.block().await.unwrap().id.unwrap();
    let (mut last, began) = (start.clone(), Instant::now());
    // Longer than the idle limit: that is for requests that have not begun.
    for _ in 0..3 {
        let beat = events.block().await.unwrap();
        assert_eq!((beat.comment.as_deref(), &beat.data), (Some("heartbeat"), &Value::Null));
        last = beat.id.unwrap();
    }
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
    assert_ne!(last, start);
    while seats.block().await.unwrap().comment.as_deref() != Some("heartbeat") {}
    cinema.stop("heart").await;
}

async fn room(cinema: &mut Cinema) {
    let api = cinema.add_gateway_with("small", &["--max-streams", "4", "--max-streams-per-caller", "2"]).await;
    let staff = api.with_token(cinema.token(Role::Staff));
    let user = cinema.user().await;
    let (showtime, seats) = cinema.seats().await;
    let listen = |api: &Api, path: &str| {
        let api = api.clone();
        let request = api.request(Method::GET, path).header("accept", "text/event-stream");
        async move { api.send(request).await }
    };
    let first = Listening::open(&staff, "/api/events").await;
    let mine = [first, Listening::open(&staff, &seats).await];
    for path in ["/api/events", &seats] {
        let refused = listen(&staff, path).await.expect(429).expect_problem("too-many-requests");
        assert_eq!(refused.header("retry-after"), "5");
    }
    // The same account with another token, in the same room; somebody without one.
    listen(&api, "/api/events").await.expect(429);
    let theirs = [Listening::open(&api.anonymous(), &seats).await, Listening::open(&api.anonymous(), &seats).await];
    listen(&api.anonymous(), &seats).await.expect(429);
    let key = cinema.api.post("/api/api-keys", &json!({ "name": "A", "roles": ["staff"] })).await.expect(201);
    let program = api.with_token(key.body["secret"].as_str().unwrap());
    let refused = listen(&program, "/api/events").await.expect(503).expect_problem("unavailable");
    assert_eq!(refused.header("retry-after"), "5");

    // Who leaves makes room.
    drop(mine);
    let mut listening =
        system_tests::eventually("room", async || Listening::try_open(&program, "/api/events", "").await.ok()).await;
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    listening.next().await.unwrap();
    drop(theirs);
    cinema.stop("small").await;
}

/// A client that asks and then reads nothing, with little room on its own side.
async fn deaf(api: &Api, path: &str, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(api.base().trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// A hall whose event has some fifty thousand bytes.
fn large_hall() -> Value {
    let seat = json!({ "kind": "seats", "count": 1, "category": "standard" });
    let runs: Vec<Value> = (0..40).flat_map(|_| [seat.clone(), json!({ "kind": "gap", "count": 1 })]).collect();
    let rows: Vec<Value> = ('A'..='Z').map(|label| json!({ "label": label, "runs": runs })).collect();
    with(samples::hall(), "layout", json!({ "rows": rows }))
}

async fn slow_listeners(cinema: &mut Cinema) {
    let api = cinema.add_gateway_with("slow", &["--unread-timeout", "1", "--max-streams-per-caller", "100"]).await;
    let token = cinema.token(Role::Admin);
    let mut slow = Vec::new();
    for _ in 0..10 {
        slow.push(deaf(&api, "/api/events", &token).await);
        slow.push(deaf(&api, "/api/events?from=beginning", &token).await);
    }
    let mut prompt = Listening::open(&api, "/api/events?service=movies").await;
    let mut late = Duration::ZERO;
    for _ in 0..60 {
        let (began, hall) = (Instant::now(), cinema.api.post("/api/halls", &large_hall()).await.expect(201).id());
        prompt.until(&hall).await;
        late = late.max(began.elapsed());
    }
    println!("beside 20 who don't read, one heard everything within {late:?}");
    assert!(late < Duration::from_secs(2), "nobody else notices: {late:?}");
    // Cut off: what was on its way is all that comes, and then the end.
    for mut stream in slow {
        let mut rest = Vec::new();
        let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await.expect("an end");
        assert!(rest.len() < 1 << 20, "{} bytes of some three million", rest.len());
        // They can come back, behind the last id that they have whole.
        let rest = String::from_utf8_lossy(&rest).into_owned();
        let whole = rest.rsplit_once("\n\n").expect("blocks").0;
        let last = whole.rsplit("id: ").next().and_then(|text| text.lines().next()).expect("an id");
        let mut again = Listening::open_behind(&api, "/api/events?service=movies", last).await;
        again.next().await.expect("what was missed");
    }
    cinema.stop("slow").await;
}

async fn shutdown(cinema: &mut Cinema) {
    let api = cinema.add_gateway("ending").await;
    let seats = cinema.seats().await.1;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Listening::open(&api, "/api/events").await);
        open.push(Listening::open(&api, &seats).await);
    }
    let began = Instant::now();
    cinema.stop("ending").await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for listening in open {
        listening.end().await;
    }
}
