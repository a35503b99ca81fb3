//! What a part that is away takes with it, how soon that is told, and how soon all is well again when it is back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use contracts::Service;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Answer, Cinema, Listening, NatsUser, eventually, samples};

const PROGRAMS: [&str; 4] = ["users", "movies", "bookings", "gateway"];
/// What is known to be away is told in this time; no timeout is waited for.
const AT_ONCE: Duration = Duration::from_millis(500);
/// All is well again in this time after what was away is back.
const BACK: Duration = Duration::from_secs(2);
/// The same after it stood still. It then hands some messages to connections that are dead, before it sees that they are:
/// a question is asked again after 1 s, a command is delivered again after 2 s.
const THAWED: Duration = Duration::from_secs(8);
/// A program that only waits for another one uses at most this part of a processor.
const IDLE: f64 = 0.1;
/// And writes at most so many lines of log while it does.
const LINES: usize = 50;
/// nats-server, as the logs call it.
const NATS: &str = "nats-server";

fn booking(user: &str, showtime: &str, seat: &str) -> Value {
    json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] })
}

/// A POST that is answered as the caller prefers.
async fn post(cinema: &Cinema, path: &str, prefer: &str, body: &Value) -> Answer {
    cinema.api.send(cinema.api.request(Method::POST, path).header("prefer", prefer).json(body)).await
}

/// An answer that tells when to come again, and that came soon.
async fn away_at_once(what: &str, answer: impl Future<Output = Answer>) {
    let began = Instant::now();
    let answer = answer.await.expect(503).expect_problem("unavailable");
    assert!(began.elapsed() < AT_ONCE, "{what}: {:?}", began.elapsed());
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{what}");
}

/// Processor time and lines of log so far, of each program.
async fn spent(cinema: &Cinema) -> BTreeMap<&'static str, (f64, usize)> {
    let mut spent = BTreeMap::new();
    for program in PROGRAMS {
        let seconds = cinema.figure(program, "process_cpu_seconds_total", &[]).await;
        spent.insert(program, (seconds, cinema.log(program).lines().count()));
    }
    spent
}

async fn started(cinema: &Cinema) -> Vec<f64> {
    let mut started = Vec::new();
    for program in PROGRAMS {
        started.push(cinema.figure(program, "process_start_time_seconds", &[]).await);
    }
    started
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_store_commands_wait_and_reads_are_refused_at_once() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let first = cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    let list = format!("/api/bookings?showtime_id={showtime}");
    // Read tables that have all of it; else whoever asks would wait for that.
    for path in [&list, "/api/movies?limit=1", "/api/users?limit=1"] {
        cinema.api.get(path).await.expect(200);
    }
    let before_all = started(&cinema).await;

    cinema.database.process.kill().await;
    let seats = format!("/api/showtimes/{showtime}/seats");
    for path in [first.header("location"), &list, &seats, "/api/movies", "/api/users"] {
        away_at_once(path, cinema.api.get(path)).await;
    }
    let later = post(&cinema, "/api/bookings", "respond-async", &booking(&user, &showtime, "A2")).await.expect(202);
    let (before, began) = (spent(&cinema).await, Instant::now());
    // The one waits until it has expired, the other no longer than it said.
    let [refused, waited] = [booking(&user, &showtime, "A3"), booking(&user, &showtime, "A4")];
    let (refused, waited) =
        tokio::join!(cinema.api.post("/api/bookings", &refused), post(&cinema, "/api/bookings", "wait=1", &waited),);
    refused.expect(503).expect_problem("unavailable").header("retry-after");
    let waited = waited.expect(202);
    let (after, lasted) = (spent(&cinema).await, began.elapsed().as_secs_f64());
    for program in PROGRAMS {
        let ((cpu_before, lines_before), (cpu, lines)) = (before[program], after[program]);
        println!("{program}: {:.3} s of {lasted:.1} s, {} lines", cpu - cpu_before, lines - lines_before);
        assert!(cpu - cpu_before < IDLE * lasted, "{program}: {} s of {lasted} s", cpu - cpu_before);
        assert!(lines - lines_before < LINES, "{program}: {} lines", lines - lines_before);
    }

    cinema.restart_database().await;
    let began = Instant::now();
    for answer in [&later, &waited] {
        let operation = answer.header("location");
        eventually("what waited is decided", async || {
            let answer = cinema.api.get(operation).await;
            (answer.status == 200 && answer.body["status"] == "accepted").then_some(())
        })
        .await;
    }
    cinema.book(&user, &showtime, &["A5"]).await.expect(201);
    cinema.api.get("/api/movies").await.expect(200);
    println!("the store is back: {:?}", began.elapsed());
    assert!(began.elapsed() < BACK, "{:?}", began.elapsed());
    assert_eq!(started(&cinema).await, before_all, "nothing has crashed");
    let found = cinema.api.get(&list).await.expect(200).body;
    let mut sold: Vec<&str> = found["items"].as_array().unwrap().iter().map(seat_of).collect();
    sold.sort_unstable();
    assert_eq!(sold, ["A1", "A2", "A4", "A5"], "what was refused has not happened");
}

fn seat_of(booking: &Value) -> &str {
    booking["seats"][0]["seat"].as_str().unwrap()
}

/// Waits until each stream has a consumer for everybody who follows it, and none that was left behind: each projection
/// and reaction, of which services tell how far behind they are, and the gateway; commands are taken by one.
async fn no_consumer_is_left_over(cinema: &Cinema) {
    let broker = jetstream::new(cinema.broker().await.client);
    let consumers = async |name: &str| broker.get_stream(name).await.unwrap().cached_info().state.consumer_count;
    eventually("as many consumers as are needed", async || {
        let mut followed = String::new();
        for service in Service::ALL {
            followed += &cinema.health(service.name(), "metrics").await.1;
        }
        for service in Service::ALL {
            let source = format!("source=\"{service}\"");
            let lags = |line: &&str| line.starts_with("marquee_projection_lag_events{") && line.contains(&source);
            let followers = followed.lines().filter(lags).count() + 1;
            if consumers(service.events_stream()).await != followers || consumers(service.commands_stream()).await != 1
            {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_broker_all_is_refused_at_once_and_afterwards_nothing_is_missing() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let first = cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    let mut events = Listening::open(&cinema.api, "/api/events?service=bookings").await;
    let mut map = Listening::open(&cinema.api, &format!("/api/showtimes/{showtime}/seats")).await;
    map.next().await.expect("the map");
    no_consumer_is_left_over(&cinema).await;
    let before_all = started(&cinema).await;

    cinema.nats_server.process.kill().await;
    let lost = Instant::now();
    eventually("the loss is noticed", async || {
        let (_, text) = cinema.health("gateway", "readyz").await;
        (!text.contains("broker: ok")).then_some(())
    })
    .await;
    let spent_before = spent(&cinema).await;
    println!("the loss was noticed after {:?}", lost.elapsed());
    for seat in ["A2", "A3", "A4"] {
        for path in [
            first.header("location"),
            "/api/movies",
            "/api/users",
            "/api/dead-letters",
            "/api/operations/019ab2f4-1c00-7000-8000-000000000001",
        ] {
            away_at_once(path, cinema.api.get(path)).await;
        }
        let body = booking(&user, &showtime, seat);
        away_at_once("a command", cinema.api.post("/api/bookings", &body)).await;
        away_at_once("a command for later", post(&cinema, "/api/bookings", "respond-async", &body)).await;
    }
    let spent_after = spent(&cinema).await;
    for program in PROGRAMS {
        let ((_, lines_before), (_, lines)) = (spent_before[program], spent_after[program]);
        assert!(lines - lines_before < LINES, "{program}: {} lines", lines - lines_before);
    }

    cinema.restart_broker().await;
    let began = Instant::now();
    let booked = eventually("a booking", async || {
        let answer = cinema.book(&user, &showtime, &["B1"]).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    println!("commands are decided: {:?}", began.elapsed());
    eventually("what was written is read", async || {
        (cinema.api.get(booked.header("location")).await.status == 200).then_some(())
    })
    .await;
    println!("queries are answered: {:?}", began.elapsed());
    for program in PROGRAMS {
        eventually("a program that is ready", async || (cinema.health(program, "readyz").await.0 == 200).then_some(()))
            .await;
    }
    println!("all are ready: {:?}", began.elapsed());
    // Those who were listening are told, without having to come again.
    // The first booking may have come after they began to listen.
    let mut told = events.next().await.expect("an event");
    while told.data["data"]["booking_id"] == first.id() {
        told = events.next().await.expect("an event");
    }
    assert_eq!(told.data["data"]["booking_id"], booked.id());
    let change = map.next().await.expect("a change").data.to_string();
    assert!(change.contains("\"B1\""), "{change}");
    println!("listeners are told: {:?}", began.elapsed());
    assert!(began.elapsed() < BACK, "{:?}", began.elapsed());
    // Nothing of what was refused has happened.
    let found = cinema.api.get(&format!("/api/bookings?showtime_id={showtime}")).await.expect(200).body;
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    no_consumer_is_left_over(&cinema).await;
    assert_eq!(started(&cinema).await, before_all, "nothing has crashed");
    assert!(!cinema.log(NATS).contains("Violation"), "nobody tries what is not granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stands_still_is_soon_taken_for_away() {
    let cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.nats_server.process.freeze();
    let began = Instant::now();
    eventually("a refusal at once", async || {
        let asked = Instant::now();
        cinema.api.get("/api/movies").await.expect(503);
        (asked.elapsed() < AT_ONCE).then_some(())
    })
    .await;
    println!("a broker that stands still is taken for away after {:?}", began.elapsed());
    cinema.nats_server.process.thaw();
    let began = Instant::now();
    eventually("a booking", async || (cinema.book(&user, &showtime, &["A1"]).await.status == 201).then_some(())).await;
    println!("it is back: {:?}", began.elapsed());
    assert!(began.elapsed() < THAWED, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_again_soon_after_their_stream_was_deleted() {
    let cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let list = format!("/api/bookings?showtime_id={showtime}");
    no_consumer_is_left_over(&cinema).await;
    let keeper = jetstream::new(cinema.broker_as(NatsUser::Provisioner).await.client);
    for (turn, seat) in ["A1", "A2", "A3"].into_iter().enumerate() {
        cinema.book(&user, &showtime, &[seat]).await.expect(201);
        let found = cinema.api.get(&list).await.expect(200).body;
        assert_eq!(found["items"].as_array().unwrap().len(), 2 * turn + 1);
        keeper.delete_stream(Service::Bookings.events_stream()).await.unwrap();
        let began = Instant::now();
        let seat = seat.replace('A', "B");
        cinema.book(&user, &showtime, &[&seat]).await.expect(201);
        eventually("the projection goes on", async || {
            let answer = cinema.api.get(&list).await;
            (answer.status == 200 && answer.body["items"].as_array()?.len() == 2 * turn + 2).then_some(())
        })
        .await;
        println!("the projection goes on: {:?}", began.elapsed());
        eventually("the stream has all events again", async || {
            let stream = keeper.get_stream(Service::Bookings.events_stream()).await.ok()?;
            (stream.cached_info().state.messages == 2 * turn as u64 + 2).then_some(())
        })
        .await;
        println!("and so does its stream: {:?}", began.elapsed());
        assert!(began.elapsed() < BACK, "{:?}", began.elapsed());
    }
    no_consumer_is_left_over(&cinema).await;
    assert!(!cinema.log(NATS).contains("Violation"), "nobody tries what is not granted");
}

/// What is asked while a service is away.
struct Asked {
    what: &'static str,
    /// With whom it fails.
    needs: &'static [&'static str],
    method: Method,
    path: String,
    body: Value,
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_only_what_needs_it_fails() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let (movie, hall) = (cinema.movie().await, cinema.hall().await);
    for (away, row) in [("users", "A"), ("movies", "B"), ("bookings", "C")] {
        // Nobody has read it, so the gateway doesn't keep it.
        let made = cinema.book(&user, &showtime, &[&format!("{row}3")]).await.expect(201);
        let get =
            |what, needs, path: &str| Asked { what, needs, method: Method::GET, path: path.into(), body: Value::Null };
        let post = |what, needs, path: &str, body| Asked { what, needs, method: Method::POST, path: path.into(), body };
        let asked = [
            get("movies", &["movies"], "/api/movies"),
            get("showtimes", &["movies"], "/api/showtimes"),
            get("a seat map", &["bookings"], &format!("/api/showtimes/{showtime}/seats")),
            get("users", &["users"], "/api/users"),
            get("bookings", &["bookings"], "/api/bookings"),
            get("a booking", &["bookings"], made.header("location")),
            get("a user's bookings", &["bookings"], &format!("/api/users/{user}/bookings")),
            post("a new movie", &["movies"], "/api/movies", samples::movie()),
            post("a new user", &["users"], "/api/users", samples::user()),
            post(
                "a new booking",
                &["users", "movies", "bookings"],
                "/api/bookings",
                booking(&user, &showtime, &format!("{row}1")),
            ),
            post("a new showtime", &["movies"], "/api/showtimes", {
                let starts = samples::in_days(2 + i64::from(row.as_bytes()[0]));
                samples::with(samples::showtime(&movie, &hall), "starts_at", starts)
            }),
        ];
        cinema.stop(away).await;
        // At once, because what waits until it expires takes its ten seconds.
        let answers = futures_util::future::join_all(asked.iter().map(async |asked| {
            let request = cinema.api.request(asked.method.clone(), &asked.path);
            let request = if asked.body.is_null() { request } else { request.json(&asked.body) };
            let began = Instant::now();
            (cinema.api.send(request).await, began.elapsed())
        }))
        .await;
        for (asked, (answer, took)) in asked.iter().zip(answers) {
            let what = format!("{} without {away}: {} {}", asked.what, answer.status, answer.body);
            if asked.needs.contains(&away) {
                assert_eq!(answer.status, 503, "{what}");
                answer.header("retry-after");
                assert!(took < AT_ONCE || asked.method == Method::POST, "{what}: {took:?}");
            } else {
                assert!([200, 201].contains(&answer.status), "{what}");
            }
        }
        cinema.start_again(away).await;
        cinema.book(&user, &showtime, &[&format!("{row}2")]).await.expect(201);
    }
}
