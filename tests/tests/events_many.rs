//! A thousand listeners at once: all hear everything, soon, and cost little.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use system_tests::{Api, Cinema, Listening};
use tokio::process::Command;
use tokio::time::Instant;

const LISTENERS: usize = 1000;
const BOOKINGS: usize = 20;

/// How many bytes of memory the gateway has now.
async fn resident(api: &Api) -> u64 {
    let port = api.base().rsplit(':').next().expect("a port");
    let listen = format!("--listen 127.0.0.1:{port}");
    let processes = Command::new("ps").args(["-eo", "rss,args"]).output().await.expect("ps").stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let line = processes.lines().find(|line| line.contains(&listen)).expect("the gateway");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a size") * 1024
}

/// Opens a thousand, some at a time.
async fn open(api: &Api, path: &str) -> Vec<Listening> {
    let mut open = Vec::new();
    while open.len() < LISTENERS {
        open.extend(join_all((0..50).map(|_| Listening::open(api, path))).await);
    }
    open
}

/// Books seats; when the last was answered.
async fn book(cinema: &Cinema, showtime: &str) -> Instant {
    let users = join_all((0..4).map(|_| cinema.user())).await;
    for number in 0..BOOKINGS {
        let seat = format!("{}{}", ["A", "B", "C", "E"][number % 4], number / 4 + 1);
        cinema.book(&users[number % 4], showtime, &[&seat]).await.expect(201);
    }
    Instant::now()
}

#[tokio::test]
async fn a_thousand_listeners_hear_everything_and_cost_little() {
    let mut cinema = Cinema::start().await;
    let api = cinema.add_gateway_with("many", &["--max-streams-per-caller", "1000"]).await;
    let showtime = cinema.showtime().await;
    let before = resident(&api).await;

    let began = Instant::now();
    let listeners = open(&api, "/api/events?type=booking-placed.v1").await;
    let opened = began.elapsed();
    let hearing: Vec<_> = listeners
        .into_iter()
        .map(|mut listening| {
            tokio::spawn(async move {
                let events = listening.take(BOOKINGS).await;
                (events, Instant::now(), listening)
            })
        })
        .collect();
    let booked = book(&cinema, &showtime).await;
    let heard: Vec<_> = join_all(hearing).await.into_iter().map(|heard| heard.expect("all events")).collect();
    let grown = resident(&api).await.saturating_sub(before);
    let late = heard.iter().map(|(_, at, _)| at.saturating_duration_since(booked)).max().unwrap_or_default();
    let ids = |events: &[system_tests::Block]| {
        events.iter().map(|event| event.data["subject"].clone()).collect::<Vec<Value>>()
    };
    let first = ids(&heard[0].0);
    assert_eq!(first.len(), BOOKINGS);
    assert!(heard.iter().all(|(events, ..)| ids(events) == first));
    println!("events: opened in {opened:?}, the last heard {late:?} after the last booking, {} KiB more", grown >> 10);
    assert!(late < Duration::from_secs(5), "{late:?}");
    assert!(grown < 150 << 20, "{grown} bytes");
    drop(heard);

    let (showtime, path) = cinema.seats().await;
    let api = api.anonymous();
    let listeners = system_tests::eventually("room", async || Listening::try_open(&api, &path, "").await.ok()).await;
    drop(listeners);
    let mut listeners = open(&api, &path).await;
    for listening in &mut listeners {
        assert_eq!(listening.next().await.expect("the map").event, "seats");
    }
    let hearing: Vec<_> = listeners
        .into_iter()
        .map(|mut listening| {
            tokio::spawn(async move {
                while listening.next().await.expect("no end").data["free"] != 49 - BOOKINGS {}
                Instant::now()
            })
        })
        .collect();
    let booked = book(&cinema, &showtime).await;
    let heard = join_all(hearing).await.into_iter().map(|at| at.expect("the last change"));
    let late = heard.map(|at| at.saturating_duration_since(booked)).max();
    println!("seats: the last heard {late:?} after the last booking");
    assert!(late < Some(Duration::from_secs(5)), "{late:?}");
}
