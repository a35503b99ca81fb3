//! What only the services have: how soon subscribers are told, and how fast a projection is made anew.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use contracts::Service;
use diesel_async::SimpleAsyncConnection;
use futures_util::StreamExt;
use runtime::broker::sign_in;
use runtime::inspection;
use runtime::projector::Projection;
use serde::Serialize;
use tokio::time::sleep;

use super::load::Plan;
use super::system::System;
use super::workload;

/// How often it is looked where a projection stands.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a projection may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// From the decision to the subscriber, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Told {
    pub(super) bookings_per_second: f64,
    pub(super) events: usize,
    pub(super) p50: i64,
    pub(super) p99: i64,
    pub(super) max: i64,
}

/// Follows the bookings' events while a plan is carried out. The time that an event carries is that of its decision, which
/// comes before the commit, so what is measured is a little more than from commit to subscriber.
///
/// # Errors
/// When the broker or the load generator fails.
pub(super) async fn told(
    system: &System,
    plan: &Plan,
    marquee: &std::path::Path,
) -> anyhow::Result<(Told, workload::Taken)> {
    let (address, options) = sign_in(system.operator_url()?)?;
    let client = options.connect(address).await?;
    let mut events = client.subscribe("cinema.evt.bookings.>").await?;
    client.flush().await?;
    let following = tokio::spawn(async move {
        let mut latencies = Vec::new();
        while let Some(message) = events.next().await {
            let now = Utc::now();
            let time = message.headers.as_ref().and_then(|headers| headers.get("ce-time"));
            let time = time.and_then(|time| time.as_str().parse::<DateTime<Utc>>().ok());
            latencies.extend(time.and_then(|time| (now - time).num_microseconds()));
        }
        latencies
    });
    let taken = workload::take(plan, marquee, &system.pids()).await?;
    client.drain().await?;
    let mut latencies = following.await?;
    latencies.sort_unstable();
    let at = |share: usize| latencies.get(latencies.len() * share / 100).copied().unwrap_or_default();
    let max = latencies.last().copied().context("no event was told")?;
    let bookings_per_second = plan.rate.unwrap_or_default();
    Ok((Told { bookings_per_second, events: latencies.len(), p50: at(50), p99: at(99), max }, taken))
}

/// How fast the bookings' read tables were made anew.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Rebuilt {
    pub(super) events: u64,
    pub(super) seconds: f64,
}

/// Empties the bookings' read tables and lets the service fill them again, which it does from its journal.
///
/// # Errors
/// When the store or the services fail.
pub(super) async fn rebuilt(system: &mut System) -> anyhow::Result<Rebuilt> {
    system.stop_programs().await;
    let mut store = inspection::connect(system.bookings_url()?).await?;
    let name = bookings::projections::BookingTables::NAME;
    for table in bookings::projections::BookingTables::TABLES {
        // The DSL has no word for it, and deleting row by row takes minutes.
        store.batch_execute(&format!("TRUNCATE TABLE {table}")).await?;
    }
    store.batch_execute(&format!("DELETE FROM checkpoints WHERE projection = '{name}'")).await?;
    let head = inspection::head(&mut store).await?;
    let starting = system.start_programs();
    let watching = async {
        let (mut first, deadline) = (None, Instant::now() + PATIENCE);
        loop {
            let position = inspection::checkpoint(&mut store, name, Service::Bookings).await?.unwrap_or_default();
            match first {
                None if position > 0 => first = Some((Instant::now(), position)),
                Some((began, from)) if position >= head => {
                    let seconds = Instant::now().duration_since(began).as_secs_f64();
                    return Ok(Rebuilt { events: head.saturating_sub(from), seconds });
                }
                _ if Instant::now() > deadline => bail!("the projection is at {position} of {head} only"),
                _ => sleep(PAUSE).await,
            }
        }
    };
    let (started, rebuilt) = tokio::join!(starting, watching);
    started?;
    rebuilt
}
