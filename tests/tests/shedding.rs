//! Past what can be carried the gateway refuses early, and what it takes is answered as soon as ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use system_tests::{Api, Cinema, eventually};
use tokio::task::JoinHandle;

/// So many commands and questions may be under way to each service.
const ROOM: usize = 32;
/// Who asks all the time; more than there is room for.
const CLIENTS: usize = 64;
/// What they ask.
const REQUESTS: usize = 4000;
/// How soon more than half of the refusals leave the gateway, in seconds: one of the bounds that it counts by.
const EARLY: &str = "le=\"0.025\"";
/// How soon others are served meanwhile, on a machine that is kept busy by clients who don't wait between two requests.
const SERVED: Duration = Duration::from_secs(3);
/// By how much the gateway may grow while it refuses.
const GROWTH: f64 = 64e6;

/// What came of a request: the status, and after how long.
type Came = (u16, Duration);

/// Who hammers; each client starts again as soon as it is answered.
struct Hammering {
    clients: Vec<JoinHandle<Vec<Came>>>,
    end: Arc<AtomicBool>,
}

impl Hammering {
    /// Books seats of one showtime, each client again and again the same few, or reads its bookings.
    fn start(api: &Api, user: &str, showtime: &str, clients: usize, reads: bool) -> Self {
        let end = Arc::<AtomicBool>::default();
        let clients = (0..clients).map(|number| {
            let (api, end) = (api.clone(), end.clone());
            let seat = format!("{}{}", ["A", "B", "C", "E"][number % 4], number / 4 % 10 + 1);
            let body = json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] });
            let list = format!("/api/bookings?showtime_id={showtime}");
            tokio::spawn(async move {
                let mut came = Vec::new();
                while !end.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let answer = if reads { api.get(&list).await } else { api.post("/api/bookings", &body).await };
                    if answer.status == 503 {
                        answer.header("retry-after");
                    }
                    came.push((answer.status, began.elapsed()));
                }
                came
            })
        });
        Self { clients: clients.collect(), end }
    }

    async fn end(self) -> Vec<Came> {
        self.end.store(true, Ordering::Relaxed);
        let ended = join_all(self.clients).await;
        ended.into_iter().flat_map(|client| client.expect("a client that ends")).collect()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stands_still_is_refused_early_and_costs_the_others_nothing() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let room = ROOM.to_string();
    let api = cinema.add_gateway_with("gateway-2", &["--max-commands", &room, "--max-questions", &room]).await;
    api.get(&format!("/api/bookings?showtime_id={showtime}")).await.expect(200);
    let memory = async |cinema: &Cinema| cinema.figure("gateway-2", "process_resident_memory_bytes", &[]).await;
    let shed = async |cinema: &Cinema, kind: &str| {
        let labels = ["service=\"bookings\"", &format!("kind=\"{kind}\"")];
        cinema.figure("gateway-2", "marquee_shed_total", &labels).await
    };
    let before = memory(&cinema).await;

    cinema.freeze("bookings");
    let commands = Hammering::start(&api, &user, &showtime, CLIENTS, false);
    let reads = Hammering::start(&api, &user, &showtime, CLIENTS, true);
    let mut slowest = Duration::ZERO;
    eventually("thousands of refusals", async || {
        // Whoever needs other services is served as if nothing was.
        let began = Instant::now();
        api.get("/api/movies").await.expect(200);
        slowest = slowest.max(began.elapsed());
        let refused = shed(&cinema, "command").await.min(shed(&cinema, "question").await);
        (refused as usize > REQUESTS / 2).then_some(())
    })
    .await;
    let grown = memory(&cinema).await - before;
    cinema.thaw("bookings");
    let (commands, reads) = tokio::join!(commands.end(), reads.end());

    for (what, method, came) in [("commands", "POST", &commands), ("reads", "GET", &reads)] {
        let refused: Vec<Duration> = came.iter().filter(|came| came.0 == 503).map(|came| came.1).collect();
        let labels = ["route=\"/api/bookings\"", "status=\"5xx\"", &format!("method=\"{method}\"")];
        let count = cinema.figure("gateway-2", "marquee_http_request_seconds_count", &labels).await;
        let early = [&labels[..], &[EARLY]].concat();
        let early = cinema.figure("gateway-2", "marquee_http_request_seconds_bucket", &early).await;
        println!(
            "{what}: {count} refused, {early} within 25 ms; half of the clients heard so within {:?}",
            median(refused)
        );
        assert!(early > 0.5 * count, "{what}: {early} of {count}");
    }
    println!("the gateway grew by {grown} bytes; others were served within {slowest:?}");
    assert!(grown < GROWTH, "{grown}");
    assert!(slowest < SERVED, "{slowest:?}");
    // There is room again as soon as the service goes on; for another user, since one may have only so many seats.
    let user = cinema.user().await;
    eventually("a booking", async || {
        let body = json!({ "user_id": user, "showtime_id": showtime, "seats": ["D5"] });
        (api.post("/api/bookings", &body).await.status == 201).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_for_one_showtime_starves_no_other() {
    const FLOOD: usize = 256;
    const BOOKINGS: usize = 10;
    let cinema = Cinema::start().await;
    let (user, hot) = (cinema.user().await, cinema.showtime().await);
    let (quiet, other) = (cinema.showtime().await, cinema.showtime().await);
    let book = async |showtime: &str| {
        let mut times = Vec::new();
        for seat in 1..=BOOKINGS {
            let began = Instant::now();
            cinema.book(&user, showtime, &[&format!("A{seat}")]).await.expect(201);
            times.push(began.elapsed());
        }
        times
    };
    let unloaded = book(&quiet).await;
    let flood = Hammering::start(&cinema.api, &user, &hot, FLOOD, false);
    eventually("a flood", async || {
        let labels = ["command=\"place\"", "result=\"refused\""];
        (cinema.figure("bookings", "marquee_command_seconds_count", &labels).await > FLOOD as f64).then_some(())
    })
    .await;
    let loaded = book(&other).await;
    let came = flood.end().await;
    let answered: Vec<Duration> = came.iter().map(|came| came.1).collect();
    let slowest = loaded.iter().max().copied().unwrap_or_default();
    let (unloaded, loaded, theirs) = (median(unloaded), median(loaded), median(answered));
    println!(
        "unloaded {unloaded:?}; beside {} requests {loaded:?}, at most {slowest:?}; theirs {theirs:?}",
        came.len()
    );
    assert!(came.iter().all(|came| [201, 409, 422].contains(&came.0)), "all of the flood is answered, too");
    // Whoever comes shares the next batch with the flood: they wait as long as the flood's own clients, not behind all.
    assert!(loaded < 2 * theirs && slowest < 4 * theirs, "{loaded:?}, {slowest:?} and {theirs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_had_is_refused_to_all_who_want_it_at_the_same_time() {
    const READERS: usize = 20;
    let mut cinema = Cinema::start().await;
    let (user, (showtime, path)) = (cinema.user().await, cinema.seats().await);
    // The last thing that was kept is not the answer any more.
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    cinema.freeze("bookings");
    for accept in ["application/json", "text/event-stream"] {
        let read = || cinema.api.send(cinema.api.request(Method::GET, &path).header("accept", accept));
        let began = Instant::now();
        for answer in join_all((0..READERS).map(|_| read())).await {
            answer.expect(503).expect_problem("unavailable");
        }
        assert!(began.elapsed() < 3 * SERVED, "{accept}: {:?}", began.elapsed());
    }
    cinema.thaw("bookings");
    eventually("a seat map", async || (cinema.api.get(&path).await.status == 200).then_some(())).await;
}
