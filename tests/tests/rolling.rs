//! A new version is rolled out: every program is stopped and started, one after the other, while clients are at it, and
//! none of their requests fails.
//!
//! What is assumed of clients is what a load balancer does: each request goes to one of two gateways over a connection of
//! its own; where none is to be had, or it is closed without a word of an answer, the same request goes to the other
//! gateway. A command has an `Idempotency-Key`, so that it takes effect once, whichever of the gateways has had it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use contracts::Service;
use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use system_tests::{Answer, Api, Cinema, eventually, samples};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Clients that are at it.
const CLIENTS: usize = 12;
/// Requests that are answered between one restart and the next.
const BETWEEN: usize = 50;

/// What a client has been told.
#[derive(Default)]
struct Told {
    booked: Vec<String>,
    failed: Vec<String>,
}

/// Both gateways, as one address.
#[derive(Clone)]
struct Balanced {
    gateways: [Api; 2],
    /// Requests that went to the other gateway, because the one took no connection, or closed it without an answer.
    refused: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    /// What is alternated by.
    turn: Arc<AtomicUsize>,
}

impl Balanced {
    /// The answer of the one gateway or the other.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let (key, turn) = (Uuid::now_v7().to_string(), self.turn.fetch_add(1, Ordering::Relaxed));
        let mut reasons = String::new();
        for gateway in [&self.gateways[turn % 2], &self.gateways[(turn + 1) % 2]] {
            let request = gateway.request(method.clone(), path);
            let request = match body {
                Some(body) => request.header("idempotency-key", &key).json(body),
                None => request,
            };
            match gateway.try_send(request).await {
                Ok(answer) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => {
                    let count = if error.is_connect() { &self.refused } else { &self.closed };
                    count.fetch_add(1, Ordering::Relaxed);
                    reasons += &format!("{error:?}; ");
                }
            }
        }
        Err(reasons)
    }
}

/// Books seats one after the other, reads and signs up others, until told to end.
fn client(balanced: Balanced, showtimes: Vec<String>, user: String, end: Arc<AtomicBool>) -> JoinHandle<Told> {
    tokio::spawn(async move {
        let mut told = Told::default();
        // As many of each as one user may have.
        let seats = showtimes.iter().flat_map(|showtime| (1..=10).map(move |number| (showtime, format!("A{number}"))));
        for (showtime, seat) in seats {
            if end.load(Ordering::Relaxed) {
                break;
            }
            let body = json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] });
            let map = format!("/api/showtimes/{showtime}/seats");
            let asked = [
                (Method::POST, "/api/bookings", Some(&body), 201),
                (Method::GET, map.as_str(), None, 200),
                (Method::GET, "/api/movies", None, 200),
                (Method::POST, "/api/users", Some(&samples::user()), 201),
            ];
            for (method, path, body, expected) in asked {
                match balanced.send(method.clone(), path, body).await {
                    Ok(answer) if answer.status == expected => {
                        if path == "/api/bookings" {
                            told.booked.push(answer.id());
                        }
                    }
                    Ok(answer) => told.failed.push(format!("{method} {path}: {} {}", answer.status, answer.body)),
                    Err(reasons) => told.failed.push(format!("{method} {path}: {reasons}")),
                }
            }
        }
        told
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_every_program_is_restarted() {
    let mut cinema = Cinema::start().await;
    for service in Service::ALL {
        cinema.add_replica(service, &format!("{service}-2")).await;
    }
    let other = cinema.add_gateway("gateway-2").await;
    let without_pool = || Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let balanced = Balanced {
        gateways: [cinema.api.with_client(without_pool()), other.with_client(without_pool())],
        refused: Arc::default(),
        closed: Arc::default(),
        answered: Arc::default(),
        turn: Arc::default(),
    };
    let end = Arc::<AtomicBool>::default();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let showtimes = join_all((0..20).map(async |_| cinema.showtime().await)).await;
        clients.push(client(balanced.clone(), showtimes, cinema.user().await, end.clone()));
    }
    let names = Service::ALL.iter().flat_map(|service| [service.name().to_owned(), format!("{service}-2")]);
    for name in names.chain(["gateway".to_owned(), "gateway-2".to_owned()]) {
        let before = balanced.answered.load(Ordering::Relaxed);
        eventually("requests in between", async || {
            (balanced.answered.load(Ordering::Relaxed) >= before + BETWEEN).then_some(())
        })
        .await;
        cinema.stop(&name).await;
        let without = balanced.answered.load(Ordering::Relaxed);
        eventually("requests without it", async || {
            (balanced.answered.load(Ordering::Relaxed) >= without + BETWEEN).then_some(())
        })
        .await;
        cinema.start_again(&name).await;
    }
    end.store(true, Ordering::Relaxed);
    let told: Vec<Told> = join_all(clients).await.into_iter().map(Result::unwrap).collect();
    let failed: Vec<&String> = told.iter().flat_map(|told| &told.failed).collect();
    let answered = balanced.answered.load(Ordering::Relaxed);
    let [refused, closed] = [&balanced.refused, &balanced.closed].map(|count| count.load(Ordering::Relaxed));
    println!("{answered} requests were answered; {refused} connections were refused, {closed} closed");
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
    // Each took effect once: as many as were told of are there.
    let booked: usize = told.iter().map(|told| told.booked.len()).sum();
    assert_eq!(cinema.api.all("/api/bookings").await.len(), booked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_newer_program_can_read_is_left_to_it() {
    /// More than a command has that is set aside.
    const TRIES: f64 = 6.0;
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    let store = cinema.store(Service::Bookings);
    let written_by = async |before: &str, after: &str| {
        let change = format!("UPDATE journal SET event_type = REPLACE(event_type, '{before}', '{after}')");
        store.connection().await.unwrap().batch_execute(&change).await.unwrap();
    };
    // So that what was there has to be read.
    cinema.stop("bookings").await;
    written_by(".v1", ".v9").await;
    cinema.start_again("bookings").await;
    let (api, body) = (cinema.api.clone(), json!({ "user_id": user, "showtime_id": showtime, "seats": ["A2"] }));
    let booking = tokio::spawn(async move { api.post("/api/bookings", &body).await });
    eventually("enough tries", async || {
        let labels = ["command=\"place\"", "result=\"later\""];
        (cinema.figure("bookings", "marquee_command_seconds_count", &labels).await >= TRIES).then_some(())
    })
    .await;
    // As if the newer one had it now.
    written_by(".v9", ".v1").await;
    booking.await.expect("an answer").expect(201);
    assert!(cinema.broker().await.dead_letters().await.is_empty());
}
