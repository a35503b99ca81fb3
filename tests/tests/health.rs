//! What operators look at: readiness, metrics, `marquee status`; and that what is too old is removed.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use contracts::Service;
use contracts::subjects::DEAD_LETTERS_STREAM;
use diesel::sql_types::{Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use reqwest::Method;
use serde_json::json;
use system_tests::figures::sum;
use system_tests::{Cinema, eventually, on_shared_cinema};
use uuid::Uuid;

/// How soon a service is ready again when what it needs is back.
const BACK: Duration = Duration::from_secs(2);

const PROGRAMS: [&str; 4] = ["users", "movies", "bookings", "gateway"];

/// How the database would find rows, as far as it matters here.
#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Nullable<Text>)]
    key: Option<String>,
}

#[test]
fn figures_move_with_what_is_done() {
    on_shared_cinema(async |cinema| {
        let (user, showtime) = (cinema.user().await, cinema.showtime().await);
        let route = "route=\"/api/bookings\"";
        let count = async |status: &str| {
            let labels = [route, "method=\"POST\"", status];
            cinema.figure("gateway", "marquee_http_request_seconds_count", &labels).await
        };
        let commands = async |result: &str| {
            let labels = ["command=\"place\"", result];
            cinema.figure("bookings", "marquee_command_seconds_count", &labels).await
        };
        let before = [count("2xx").await, count("4xx").await, commands("accepted").await, commands("refused").await];
        cinema.book(&user, &showtime, &["A1"]).await.expect(201);
        cinema.book(&user, &showtime, &["A2"]).await.expect(201);
        cinema.book(&user, &showtime, &["A1"]).await.expect(409);
        let after = [count("2xx").await, count("4xx").await, commands("accepted").await, commands("refused").await];
        let moved: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
        assert_eq!(moved, [2.0, 1.0, 2.0, 1.0]);

        let bookings = cinema.health("bookings", "metrics").await.1;
        assert!(sum(&bookings, "marquee_batch_commands_sum", &[]) >= 3.0, "{bookings}");
        assert!(sum(&bookings, "marquee_commands_early_total", &[]) >= 1.0, "{bookings}");
        assert!(sum(&bookings, "marquee_pool_connections", &[]) >= 1.0, "{bookings}");
        assert!(sum(&bookings, "process_resident_memory_bytes", &[]) > 1e6, "{bookings}");
        let asked = ["subject=\"cinema.rpc.users.check\"", "result=\"ok\""];
        assert!(cinema.figure("users", "marquee_question_seconds_count", &asked).await >= 1.0);
        for lag in ["marquee_relay_lag_events", "marquee_projection_lag_events", "marquee_commands_waiting"] {
            // The first look at it may be yet to come.
            eventually(lag, async || {
                let metrics = cinema.health("bookings", "metrics").await.1;
                (metrics.contains(lag) && sum(&metrics, lag, &[]) == 0.0).then_some(())
            })
            .await;
        }
        // Ids are nowhere: there would be more series each day.
        for program in PROGRAMS {
            let metrics = cinema.health(program, "metrics").await.1;
            assert!(!metrics.contains(&showtime) && !metrics.contains(&user), "{program}");
        }
    });
}

#[test]
fn dead_letters_are_counted() {
    on_shared_cinema(async |cinema| {
        let kept = async || cinema.figure("movies", "marquee_dead_letters", &[]).await;
        let before = kept().await;
        let broker = cinema.broker().await;
        broker.client.publish("cinema.cmd.movies.add", "not JSON".into()).await.unwrap();
        eventually("a dead letter", async || (kept().await > before).then_some(())).await;
        let stream = jetstream::new(broker.client.clone()).get_stream(DEAD_LETTERS_STREAM).await.unwrap();
        assert_eq!(stream.cached_info().config.max_age, Duration::from_secs(90 * 24 * 60 * 60));
        let labels = ["command=\"unreadable\""];
        assert!(cinema.figure("movies", "marquee_dead_letters_total", &labels).await >= 1.0);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_goes_and_comes_with_what_a_service_needs() {
    let mut cinema = Cinema::start().await;
    let (succeeded, said) = cinema.status().await;
    assert!(succeeded, "{said}");
    for name in PROGRAMS.into_iter().chain(["nats-server", "database"]) {
        let row = said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{said}"));
        assert!(row.contains("yes"), "{said}");
    }

    cinema.database.process.kill().await;
    unready(&cinema, "bookings", "store: ").await;
    let (succeeded, said) = cinema.status().await;
    assert!(!succeeded && said.contains("NO") && said.contains("bookings: store: "), "{said}");
    // Questions that need no store of its own are still for the gateway to pass on.
    assert_eq!(cinema.health("gateway", "readyz").await.0, 200);
    cinema.restart_database().await;
    ready_soon(&cinema).await;

    cinema.nats_server.process.kill().await;
    for program in PROGRAMS {
        unready(&cinema, program, "broker: ").await;
        assert_eq!(cinema.health(program, "healthz").await.0, 200);
    }
    cinema.restart_broker().await;
    ready_soon(&cinema).await;

    cinema.kill("movies").await;
    let (succeeded, said) = cinema.status().await;
    assert!(!succeeded && said.contains("movies: does not run"), "{said}");
}

async fn unready(cinema: &Cinema, program: &str, reason: &str) {
    eventually("a service that is not ready", async || {
        let (status, lines) = cinema.health(program, "readyz").await;
        let told = lines.lines().any(|line| line.starts_with(reason) && !line.ends_with(": ok"));
        (status == 503 && told).then_some(())
    })
    .await;
}

/// Right after a server has begun to answer again.
async fn ready_soon(cinema: &Cinema) {
    let began = Instant::now();
    let mut last = String::new();
    for program in PROGRAMS {
        eventually("a service that is ready", async || {
            let (status, lines) = cinema.health(program, "readyz").await;
            if status != 200 {
                last = format!("{program}: {lines}");
            }
            (status == 200).then_some(())
        })
        .await;
    }
    assert!(began.elapsed() < BACK, "{:?}: {last}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn old_outcomes_are_removed_and_new_ones_stay() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let book = async |cinema: &Cinema, key: &str, seat: &str| {
        let body = json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] });
        let request = cinema.api.request(Method::POST, "/api/bookings").header("idempotency-key", key);
        let request = request.header("prefer", "respond-async").json(&body);
        cinema.api.send(request).await.expect(202).header("location").to_owned()
    };
    let decided = async |cinema: &Cinema, operation: &str| {
        let answer = cinema.api.get(operation).await;
        (answer.status == 200 && answer.body["status"] != "pending").then_some(())
    };
    let old = book(&cinema, &Uuid::now_v7().to_string(), "A1").await;
    eventually("an outcome", async || decided(&cinema, &old).await).await;
    let url = cinema.database.urls()[&Service::Bookings].clone();
    let mut store = AsyncMysqlConnection::establish(&url).await.unwrap();
    // More than are removed at once.
    store.batch_execute("UPDATE outcomes SET decided_at = decided_at - INTERVAL 31 DAY").await.unwrap();
    let more = "INSERT INTO outcomes SELECT UNHEX(MD5(seq.n)), accepted, position, body, fingerprint, decided_at \
        FROM outcomes, (SELECT ROW_NUMBER() OVER () AS n FROM information_schema.columns a, information_schema.columns b LIMIT 2500) AS seq";
    store.batch_execute(more).await.unwrap();
    let explained: Vec<Plan> = sql_query(
        "EXPLAIN SELECT command_id FROM outcomes WHERE decided_at < NOW() - INTERVAL 30 DAY ORDER BY decided_at LIMIT 1000",
    )
    .load(&mut store)
    .await
    .unwrap();
    assert_eq!(explained[0].key.as_deref(), Some("outcomes_decided"), "the whole table is read");
    let new = book(&cinema, &Uuid::now_v7().to_string(), "A2").await;
    eventually("an outcome", async || decided(&cinema, &new).await).await;

    cinema.stop("bookings").await;
    cinema.start_again("bookings").await;
    eventually("old outcomes that go", async || {
        let pruned = cinema.figure("bookings", "marquee_outcomes_pruned_total", &[]).await;
        (pruned >= 2000.0 && decided(&cinema, &old).await.is_none()).then_some(())
    })
    .await;
    decided(&cinema, &new).await.expect("an outcome that is new enough");
    let bookings = cinema.api.get(&format!("/api/bookings?showtime_id={showtime}")).await.expect(200).body;
    assert_eq!(bookings["items"].as_array().unwrap().len(), 2, "what was decided stays");
}
