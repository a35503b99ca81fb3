//! Other programs follow events durably: the examples, in Rust and in Python, as they are, with the subscriber's rights.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_nats::jetstream::{self, consumer::pull};
use contracts::Service;
use marquee::servers::{SUBSCRIBERS_API, cli_folder};
use serde_json::Value;
use system_tests::{Cinema, NatsUser, eventually, on_shared_cinema};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Longer than it takes until an event is delivered again that was not acknowledged.
const PATIENCE: Duration = Duration::from_secs(90);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The example in Rust, built: tests of one package have only its own examples built for them.
async fn in_rust() -> PathBuf {
    let build = ["build", "--package", "contracts", "--example", "follow_events", "--message-format", "json"];
    let output = Command::new(env!("CARGO")).args(build).current_dir(root()).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built = String::from_utf8(output.stdout).unwrap();
    let program = built.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).unwrap();
        message["executable"].as_str().map(PathBuf::from)
    });
    program.expect("a program")
}

async fn has_nats_py() -> bool {
    let tried = Command::new("python3").args(["-c", "import nats.js"]).output().await;
    tried.is_ok_and(|output| output.status.success())
}

async fn in_python() -> Command {
    let mut command = Command::new("python3");
    command.arg(root().join("examples/follow_events.py"));
    command
}

/// An example that runs until it is dropped, which kills it.
struct Follower {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn start(program: &mut Command, cinema: &Cinema, arguments: &[&str]) -> Self {
        let context = cli_folder(cinema.folder()).join("nats/context/marquee-subscriber.json");
        let command = program.env("MARQUEE_NATS_CONTEXT", context).args(arguments);
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// The next sequence that it prints.
    async fn next(&mut self) -> u64 {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("an event");
        sequence(&line.unwrap().expect("no end"))
    }

    /// Kills it as a power cut would. What it has printed and nobody has read yet.
    async fn kill(mut self) -> Vec<u64> {
        self.process.kill().await.unwrap();
        let mut sequences = Vec::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            sequences.push(sequence(&line));
        }
        sequences
    }

    /// All sequences that it prints up to this one.
    async fn up_to(&mut self, last: u64) -> Vec<u64> {
        let mut sequences = vec![self.next().await];
        while sequences.last() != Some(&last) {
            sequences.push(self.next().await);
        }
        sequences
    }
}

fn sequence(line: &str) -> u64 {
    line.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{line}"))
}

/// A booking in each of these rows; the position of the last.
async fn book(cinema: &Cinema, rows: &str) -> u64 {
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let mut last = 0;
    for row in rows.chars() {
        let booked = cinema.book(&user, &showtime, &[&format!("{row}2")]).await.expect(201);
        last = booked.header("marquee-position").trim_start_matches("bookings=").parse().unwrap();
    }
    last
}

/// Killed in the middle and started again, it has seen every event, in order; at most the one that it was at comes twice.
async fn goes_on_where_it_was(cinema: &Cinema, name: &str, mut program: impl AsyncFnMut() -> Command) {
    let last = book(cinema, "ABCDE").await;
    let mut follower = Follower::start(&mut program().await, cinema, &[name]);
    let mut seen = follower.up_to(last - 2).await;
    seen.extend(follower.kill().await);
    let last = book(cinema, "ABC").await;
    seen.extend(Follower::start(&mut program().await, cinema, &[name]).up_to(last).await);
    assert!(seen.is_sorted(), "{seen:?}");
    seen.dedup();
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
}

/// A new name starts where it is told to.
async fn starts_where_it_is_told(cinema: &Cinema, name: &str, mut program: impl AsyncFnMut() -> Command) {
    let broker = cinema.broker().await;
    let before = book(cinema, "A").await;
    broker.events(Service::Bookings, before).await;
    let last = book(cinema, "A").await;
    let events = broker.events(Service::Bookings, last).await;
    // When it was decided, which is after the one before was in the stream.
    let (sequence, time) = (before.to_string(), events.last().unwrap().attributes["time"].clone());
    for (place, start, first) in [("all", "all", 1), ("sequence", &sequence, before), ("time", &time, last)] {
        let name = format!("{name}-{place}");
        let mut follower = Follower::start(&mut program().await, cinema, &[&name, start]);
        assert_eq!(follower.next().await, first, "{start}");
    }
    let name = format!("{name}-new");
    let mut follower = Follower::start(&mut program().await, cinema, &[&name, "new"]);
    let stream = jetstream::new(broker.client.clone()).get_stream(Service::Bookings.events_stream()).await.unwrap();
    eventually("its consumer", async || stream.consumer_info(&name).await.ok()).await;
    let next = book(cinema, "A").await;
    assert_eq!(follower.next().await, next);
}

#[test]
fn the_examples_start_where_they_are_told_and_go_on_where_they_were() {
    on_shared_cinema(async |cinema| {
        let rust = in_rust().await;
        let in_rust = async || Command::new(&rust);
        starts_where_it_is_told(cinema, "rust-starts", in_rust).await;
        goes_on_where_it_was(cinema, "rust-goes-on", in_rust).await;
        if !has_nats_py().await {
            return eprintln!("python3 with nats-py is not at hand");
        }
        starts_where_it_is_told(cinema, "python-starts", in_python).await;
        goes_on_where_it_was(cinema, "python-goes-on", in_python).await;
    });
}

#[test]
fn a_durable_consumer_is_forgotten_when_nobody_has_read_from_it_for_a_month() {
    on_shared_cinema(async |cinema| {
        cinema.user().await;
        let broker = cinema.broker_as(NatsUser::Subscriber).await;
        let stream = Service::Users.events_stream();
        let stream = jetstream::with_prefix(broker.client.clone(), SUBSCRIBERS_API).get_stream(stream).await.unwrap();
        let month = Duration::from_secs(30 * 24 * 60 * 60);
        let named = |name: &str, inactive_threshold| pull::Config {
            durable_name: Some(name.into()),
            inactive_threshold,
            ..pull::Config::default()
        };
        let made = stream.create_consumer(named("patient", Duration::ZERO)).await.unwrap();
        assert_eq!(made.cached_info().config.inactive_threshold, month);
        let made = stream.create_consumer(named("hasty", Duration::from_secs(60))).await.unwrap();
        assert_eq!(made.cached_info().config.inactive_threshold, Duration::from_secs(60));
        stream.create_consumer(named("eternal", month * 2)).await.expect_err("more than a month");
    });
}
