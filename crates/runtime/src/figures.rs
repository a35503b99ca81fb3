//! What a process counts and measures, for Prometheus. Labels are names that the program knows: routes, commands,
//! subjects, never ids, so there are only so many series.

use std::time::Duration;

use anyhow::Context;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// REST requests: `method`, `route`, `status` (its class). Counted and timed until the answer's head.
pub const REQUESTS: &str = "marquee_http_request_seconds";
/// Commands: `command`, `result` (accepted, refused, or later for one that is tried again); from being taken to being
/// committed and answered.
pub const COMMANDS: &str = "marquee_command_seconds";
/// Requests on NATS: `subject`, `result` (ok or the problem's case); what a query waits for is part of it.
pub const QUESTIONS: &str = "marquee_question_seconds";
/// How many commands one transaction decided.
pub(crate) const BATCH: &str = "marquee_batch_commands";
/// Commands that were decided [early](crate::early), before the broker had them on disk.
pub(crate) const EARLY: &str = "marquee_commands_early_total";
/// How it was known what another service says about a batch: `service`, `way` (held, for what it had said before, or asked).
pub const FACTS: &str = "marquee_facts_total";
/// [Leases](crate::lease) on the journal's head: `result` (taken, or refused where there was none to be had).
pub(crate) const LEASES: &str = "marquee_leases_total";
/// Events that a gateway has heard of: `service`, `way` ([`live`](crate::live), or from the stream).
pub(crate) const FOLLOWED: &str = "marquee_events_followed_total";
/// Commands that wait in the stream or are being worked on.
pub const WAITING: &str = "marquee_commands_waiting";
/// Events in the journal that the stream does not have yet, and for how long there have been such.
pub const RELAY_LAG: &str = "marquee_relay_lag_events";
pub(crate) const RELAY_LAG_SECONDS: &str = "marquee_relay_lag_seconds";
/// Events that a projection or reaction has before it: `projection`, `source`; and for how long.
pub const PROJECTION_LAG: &str = "marquee_projection_lag_events";
pub(crate) const PROJECTION_LAG_SECONDS: &str = "marquee_projection_lag_seconds";
/// Commands that this process set aside: `command`.
pub(crate) const BURIED: &str = "marquee_dead_letters_total";
/// The service's dead letters that are kept.
pub const DEAD_LETTERS: &str = "marquee_dead_letters";
/// Connections to the store: `state` (busy, idle); and who waits for one.
pub(crate) const POOL: &str = "marquee_pool_connections";
pub(crate) const POOL_WAITING: &str = "marquee_pool_waiting";
/// Outcomes that were too old to be kept.
pub(crate) const PRUNED: &str = "marquee_outcomes_pruned_total";
/// What was refused because too much was under way: `service`, `kind` (command, question).
pub const SHED: &str = "marquee_shed_total";
/// Always 1: `program`, `version`.
pub const INFO: &str = "marquee_info";

/// Upper bounds of times, in seconds: from a query out of memory to a wait that is given up.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of batches, in commands.
const SIZES: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0];
/// How often what was measured is added up; until then, each measurement takes memory of its own.
const ADD_UP: Duration = Duration::from_secs(1);

/// All figures of this process.
#[derive(Clone)]
pub(crate) struct Figures {
    metrics: PrometheusHandle,
    process: Collector,
}

impl Figures {
    /// Counts from now on. A process that doesn't call this counts nothing, at no cost.
    ///
    /// # Errors
    /// When somebody counts already.
    pub(crate) fn start(program: &'static str) -> anyhow::Result<Self> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(BATCH.into()), &SIZES)?
            .set_buckets(&SECONDS)?
            .build_recorder();
        let metrics = recorder.handle();
        metrics::set_global_recorder(recorder).ok().context("this process counts already")?;
        describe();
        let process = Collector::default();
        process.describe();
        gauge!(INFO, "program" => program, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let adding = metrics.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(ADD_UP);
            loop {
                ticks.tick().await;
                adding.run_upkeep();
            }
        });
        Ok(Self { metrics, process })
    }

    /// In the text format of Prometheus.
    pub(crate) fn text(&self) -> String {
        self.process.collect();
        self.metrics.render()
    }
}

fn describe() {
    describe_histogram!(REQUESTS, Unit::Seconds, "REST requests, until the head of the answer");
    describe_histogram!(COMMANDS, Unit::Seconds, "Commands, from being taken to being committed and answered");
    describe_histogram!(QUESTIONS, Unit::Seconds, "Requests on NATS");
    describe_histogram!(BATCH, "Commands that one transaction decided");
    describe_counter!(EARLY, "Commands that were decided before the broker had them on disk");
    describe_counter!(
        FACTS,
        "Batches by how it was known what another service says about them: it was asked, or what it had said held"
    );
    describe_counter!(
        LEASES,
        "Leases on the journal's head, under which other services are answered without asking the store"
    );
    describe_counter!(FOLLOWED, "Events that were followed, as they were told live or from the stream");
    describe_gauge!(WAITING, "Commands that wait or are being worked on");
    describe_gauge!(RELAY_LAG, "Events in the journal that the stream does not have yet");
    describe_gauge!(RELAY_LAG_SECONDS, Unit::Seconds, "How long there have been such");
    describe_gauge!(PROJECTION_LAG, "Events that a projection or reaction has before it");
    describe_gauge!(PROJECTION_LAG_SECONDS, Unit::Seconds, "How long it has had any before it");
    describe_counter!(BURIED, "Commands that were set aside");
    describe_gauge!(DEAD_LETTERS, "Dead letters of this service that are kept");
    describe_gauge!(POOL, "Connections to the store that are shared");
    describe_gauge!(POOL_WAITING, "Who waits for a connection to the store");
    describe_counter!(PRUNED, "Outcomes that were too old to be kept");
    describe_counter!(SHED, "Commands and questions that were refused because too many were under way");
    describe_gauge!(INFO, "The program and its version");
}
