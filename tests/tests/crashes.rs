//! Power cuts: services, broker and store die in the middle of work, and nothing that was acknowledged is lost or doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contracts::Service;
use futures_util::future::join_all;
use serde_json::json;
use system_tests::{Api, Cinema, eventually, samples};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use uuid::Uuid;

/// Clients that book at the same time.
const CLIENTS: usize = 8;

/// Rows of the sample hall without a blocked seat; one user books one of them.
const ROWS: [&str; 4] = ["A", "B", "C", "E"];

/// Who books what.
#[derive(Clone)]
struct Client {
    showtime: String,
    users: Vec<String>,
}

/// What a client has been told: booking and seat.
type Acknowledged = Vec<(String, String)>;

/// Clients that book all seats of a showtime each, every booking with an idempotency key that is used again until there
/// is an answer.
struct Load {
    clients: Vec<JoinHandle<Acknowledged>>,
    done: Arc<AtomicUsize>,
}

impl Load {
    fn start(api: &Api, clients: Vec<Client>) -> Self {
        let done = Arc::new(AtomicUsize::new(0));
        let clients = clients.into_iter().map(|client| {
            let (api, done) = (api.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for (user, row) in client.users.iter().zip(ROWS) {
                    for number in 1..=10 {
                        let seat = format!("{row}{number}");
                        acknowledged.push((book(&api, user, &client.showtime, &seat).await, seat));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
                acknowledged
            })
        });
        Self { clients: clients.collect(), done }
    }

    /// Waits until so many bookings have been acknowledged.
    async fn reached(&self, bookings: usize) {
        eventually("bookings under load", async || (self.done.load(Ordering::Relaxed) >= bookings).then_some(())).await;
    }

    /// What has been acknowledged in the end.
    async fn finish(self) -> Vec<Acknowledged> {
        let finished = join_all(self.clients).await;
        finished.into_iter().map(|client| client.expect("a client that ends")).collect()
    }
}

/// Books until there is an answer, under one key.
async fn book(api: &Api, user: &str, showtime: &str, seat: &str) -> String {
    let key = Uuid::now_v7().to_string();
    let body = json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] });
    let mut pauses = interval(Duration::from_millis(50));
    let tries = async {
        loop {
            pauses.tick().await;
            let request = api.request(reqwest::Method::POST, "/api/bookings").header("idempotency-key", &key);
            let Ok(answer) = api.try_send(request.json(&body)).await else { continue };
            match answer.status {
                201 => return answer.id(),
                // Away, or the first try is still being worked on.
                503 => {}
                409 => drop(answer.expect_problem("still-running")),
                _ => panic!("{}: {:#}", answer.status, answer.body),
            }
        }
    };
    timeout(Duration::from_secs(60), tries).await.expect("a booking in the end")
}

async fn clients(cinema: &Cinema, count: usize) -> Vec<Client> {
    join_all((0..count).map(async |_| {
        let users = join_all(ROWS.map(|_| cinema.user()));
        let (showtime, users) = tokio::join!(cinema.showtime(), users);
        Client { showtime, users }
    }))
    .await
}

/// Every acknowledged booking is there exactly once, in the read tables and in the event stream, and nothing else is.
async fn check(cinema: &Cinema, clients: &[Client], acknowledged: &[Acknowledged]) {
    let broker = cinema.broker().await;
    for (Client { showtime, .. }, acknowledged) in clients.iter().zip(acknowledged) {
        let path = format!("/api/bookings?showtime_id={showtime}&limit=200");
        let bookings = eventually("the read side", async || {
            let answer = cinema.api.get(&path).await;
            (answer.status == 200).then_some(answer.body)
        })
        .await;
        let mut found: Vec<(String, String)> = Vec::new();
        for booking in bookings["items"].as_array().unwrap() {
            let seat = booking["seats"][0]["seat"].as_str().unwrap().to_owned();
            found.push((booking["id"].as_str().unwrap().to_owned(), seat));
        }
        found.sort();
        let mut expected = acknowledged.clone();
        expected.sort();
        assert_eq!(found, expected);
    }
    let last = acknowledged.iter().map(Vec::len).sum::<usize>() as u64;
    let mut placed: BTreeMap<String, usize> = BTreeMap::new();
    for event in broker.events(Service::Bookings, last).await {
        *placed.entry(event.data["booking_id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(broker.last_sequence(Service::Bookings).await, last);
    for (booking, _) in acknowledged.iter().flatten() {
        assert_eq!(placed.get(booking), Some(&1), "{booking}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_under_load_loses_and_doubles_nothing() {
    let mut cinema = Cinema::start().await;
    let clients = clients(&cinema, CLIENTS).await;
    let load = Load::start(&cinema.api, clients.clone());
    for reached in [10, 80, 160] {
        load.reached(reached).await;
        cinema.kill("bookings").await;
        cinema.start_again("bookings").await;
    }
    check(&cinema, &clients, &load.finish().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_and_store_killed_under_load_lose_and_double_nothing() {
    let mut cinema = Cinema::start().await;
    let clients = clients(&cinema, CLIENTS).await;
    let load = Load::start(&cinema.api, clients.clone());
    load.reached(10).await;
    cinema.restart_broker().await;
    load.reached(100).await;
    cinema.restart_database().await;
    check(&cinema, &clients, &load.finish().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_brokers_disk_is_wiped_the_same_events_are_back_at_the_same_sequences() {
    let mut cinema = Cinema::start().await;
    let broker = cinema.broker().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    for seat in ["A1", "A2", "A3"] {
        cinema.book(&user, &showtime, &[seat]).await.expect(201);
    }
    let mut before = BTreeMap::new();
    for service in Service::ALL {
        let last = eventually("events", async || {
            let last = broker.last_sequence(service).await;
            (last >= 1).then_some(last)
        })
        .await;
        before.insert(service, broker.events(service, last).await);
    }
    assert_eq!(before[&Service::Bookings].len(), 3);

    cinema.wipe_broker().await;
    let broker = cinema.broker().await;
    for (service, events) in &before {
        let last = events.last().unwrap().sequence;
        assert_eq!(&broker.events(*service, last).await, events, "{service}");
    }
    // And business goes on, at the next sequence.
    let answer = eventually("a booking after the wipe", async || {
        let answer = cinema.book(&user, &showtime, &["A4"]).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert_eq!(answer.header("marquee-position"), "bookings=4");
    let map = cinema.api.get(&format!("/api/showtimes/{showtime}/seats")).await.expect(200).body;
    assert_eq!(map["free"], 45);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_of_every_service_share_the_work() {
    let mut cinema = Cinema::start().await;
    for service in Service::ALL {
        cinema.add_replica(service, &format!("{service}-2")).await;
    }
    let other = cinema.add_gateway("gateway-2").await;
    let clients = clients(&cinema, CLIENTS).await;
    // Each books the same seat through both gateways; whichever replica decides, it knows what the other has sold.
    let contested = &clients[0].showtime;
    let racing = join_all(clients.iter().map(async |client| {
        let body = json!({ "user_id": client.users[0], "showtime_id": contested, "seats": ["D5"] });
        let (here, there) = tokio::join!(cinema.api.post("/api/bookings", &body), other.post("/api/bookings", &body));
        [here.status, there.status]
    }))
    .await;
    let won = racing.iter().flatten().filter(|status| **status == 201).count();
    assert_eq!((won, racing.iter().flatten().filter(|status| **status == 409).count()), (1, 2 * CLIENTS - 1));

    let load = Load::start(&other, clients[1..].to_vec());
    load.reached(20).await;
    cinema.kill("bookings").await;
    let sold: u64 = load.finish().await.iter().map(|acknowledged| acknowledged.len() as u64).sum();
    assert_eq!(sold, (CLIENTS as u64 - 1) * 40);
    let broker = cinema.broker().await;
    let events = broker.events(Service::Bookings, sold + 1).await;
    let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=sold + 1).collect::<Vec<u64>>());
    let placed: BTreeSet<&str> = events.iter().filter_map(|event| event.data["booking_id"].as_str()).collect();
    assert_eq!(placed.len() as u64, sold + 1);
    // What was written through one gateway is read through the other at that position.
    let answer = cinema.api.post("/api/users", &samples::user()).await.expect(201);
    let request = other.request(reqwest::Method::GET, answer.header("location"));
    let request = request.header("marquee-min-position", answer.header("marquee-position"));
    assert_eq!(other.send(request).await.expect(200).id(), answer.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_is_a_503_and_nothing_is_booked() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let before = cinema.book(&user, &showtime, &["E1"]).await.expect(201);
    // Has been told no names.
    let other = cinema.add_gateway("gateway-2").await;
    for away in ["users", "movies"] {
        cinema.stop(away).await;
        let answer = cinema.book(&user, &showtime, &["A1"]).await.expect(503).expect_problem("unavailable");
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
        // Reads go on.
        let map = cinema.api.get(&format!("/api/showtimes/{showtime}/seats")).await.expect(200).body;
        assert_eq!(map["free"], 48);
        for path in [before.header("location"), "/api/bookings"] {
            for (api, knows_names) in [(&cinema.api, true), (&other, away != "users")] {
                let found = api.get(path).await.expect(200).body;
                let booking = found.pointer("/items/0").unwrap_or(&found);
                assert_eq!(booking["seats"], before.body["seats"]);
                assert_eq!(booking.get("user").is_some(), knows_names, "only the users service has names to tell");
            }
        }
        cinema.start_again(away).await;
        let bookings = cinema.api.get(&format!("/api/bookings?showtime_id={showtime}")).await.expect(200).body;
        assert_eq!(bookings["items"], json!([before.body]), "the other expired before {away} came back");
    }
    cinema.stop("bookings").await;
    let answer = cinema.api.get("/api/bookings").await.expect(503).expect_problem("unavailable");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    // Nobody can say that it was not done; when the service is back, its operation does.
    let unknown = cinema.book(&user, &showtime, &["B1"]).await.expect(503).expect_problem("unavailable");
    assert!(unknown.body["detail"].as_str().is_some_and(|detail| detail.contains("not known")), "{}", unknown.body);
    cinema.start_again("bookings").await;
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_a_power_cut_brings_back_are_done_with_and_take_effect_once() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.stop("bookings").await;
    let body = json!({ "user_id": user, "showtime_id": showtime, "seats": ["A1"] });
    let id = Uuid::now_v7();
    cinema.broker().await.command(Service::Bookings, "place", body.to_string(), id).await;
    // What is on the disk while the command waits is on the disk again after it was decided: that it was removed was
    // the last that the broker wrote there.
    let messages = cinema.nats_server.store().join("jetstream/MARQUEE/streams/BOOKINGS_COMMANDS/msgs");
    let aside = cinema.folder().join("aside");
    cinema.nats_server.process.kill().await;
    replace(&messages, &aside);
    cinema.restart_broker().await;
    cinema.start_again("bookings").await;
    cinema.broker().await.outcome(Service::Bookings, id).await;
    eventually("an empty stream", async || (waiting(&cinema).await == 0).then_some(())).await;
    cinema.stop("bookings").await;
    cinema.nats_server.process.kill().await;
    replace(&aside, &messages);
    cinema.restart_broker().await;
    assert_eq!(waiting(&cinema).await, 1);

    cinema.start_again("bookings").await;
    eventually("an empty stream again", async || (waiting(&cinema).await == 0).then_some(())).await;
    assert_eq!(cinema.broker().await.last_sequence(Service::Bookings).await, 1);
    cinema.book(&user, &showtime, &["A2"]).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_power_cut_takes_no_later_command_along() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let place = |seat: &str| json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] });
    cinema.broker().await.accepted(Service::Bookings, "place", place("A1")).await;
    let messages = cinema.nats_server.store().join("jetstream/MARQUEE/streams/BOOKINGS_COMMANDS/msgs");
    let aside = cinema.folder().join("aside");
    // A command that is decided and not acknowledged yet, of which the broker loses all trace. On a busy machine it may
    // be acknowledged before the service is stopped.
    let mut seats = (2..8).map(|number| format!("A{number}"));
    loop {
        eventually("an empty stream", async || (waiting(&cinema).await == 0).then_some(())).await;
        replace(&messages, &aside);
        let seat = seats.next().expect("a command that is caught in time");
        cinema.broker().await.accepted(Service::Bookings, "place", place(&seat)).await;
        cinema.freeze("bookings");
        if waiting(&cinema).await == 1 {
            break;
        }
        cinema.thaw("bookings");
    }
    cinema.nats_server.process.kill().await;
    replace(&aside, &messages);
    cinema.restart_broker().await;
    assert_eq!(waiting(&cinema).await, 0);

    // The next command comes to be where that one was.
    let id = Uuid::now_v7();
    cinema.broker().await.command(Service::Bookings, "place", place("B1").to_string(), id).await;
    cinema.thaw("bookings");
    eventually("its outcome", async || {
        let answer = cinema.api.get(&format!("/api/operations/{id}")).await;
        (answer.body["status"] == "accepted").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_an_event_is_done_though_the_broker_lost_the_command_for_it() {
    let mut cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let booking = cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    // Nobody but the movies service can tell whether the showtime is to come, so the command waits.
    cinema.stop("movies").await;
    cinema.api.delete(&format!("/api/users/{user}")).await.expect(204);
    eventually("a command that waits", async || (waiting(&cinema).await > 0).then_some(())).await;
    cinema.wipe_broker().await;

    cinema.start_again("movies").await;
    eventually("a cancelled booking", async || {
        let found = cinema.api.get(booking.header("location")).await;
        (found.body["status"] == "cancelled").then_some(())
    })
    .await;
}

/// How many messages are in the stream of the bookings service's commands.
async fn waiting(cinema: &Cinema) -> u64 {
    let jetstream = async_nats::jetstream::new(cinema.broker().await.client);
    let stream = jetstream.get_stream(Service::Bookings.commands_stream()).await.expect("a stream");
    stream.cached_info().state.messages
}

/// Makes the second folder a copy of the first.
fn replace(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}
