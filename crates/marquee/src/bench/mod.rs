//! `marquee bench`: Marquee and the monolith, compared.
//!
//! Both are started on fresh private servers that flush on every commit ([`system`]) and filled alike ([`stock`]). A load
//! generator in a process of its own ([`load`]) drives the same workloads ([`workload`]) through the REST of one and the
//! other in turns ([`measure`]); what that costs is read from the system ([`figures`]). Afterwards it's looked whether
//! all that was answered is so ([`check`]); when it isn't, the run fails. [`results`] sum up, [`report`] and [`plot`]
//! show.

pub mod bare;
mod check;
mod extras;
mod figures;
mod growth;
pub mod load;
mod measure;
mod plot;
mod report;
mod results;
mod stock;
mod system;
mod workload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::bail;
use chrono::Utc;
use clap::ValueEnum;
use futures_util::future::try_join_all;
use tokio::time::sleep;

use crate::logs::say;
use crate::services;
use measure::{Filled, Times};
use results::{Cost, Load, Results, Row};
use system::Which;
pub use workload::Workload;

/// How many bookings a second the subscriber is told of.
const TOLD: f64 = 1_000.0;

/// How long all is quiet before it is looked how much memory everything takes. Allocators keep what was freed for a second or
/// two, because it may be wanted again.
const CALM: Duration = Duration::from_secs(5);

/// What `marquee bench` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How often everything is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// For how many seconds each time
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// For how many seconds before that nothing is measured
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// What is measured; everything without it
    #[arg(long, value_enum, value_delimiter = ',')]
    workloads: Vec<Workload>,
    /// By how many connections
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    connections: Vec<usize>,
    /// How many bookings a second are begun, on 256 connections and whatever is answered, in measurements of that kind
    #[arg(long, value_delimiter = ',', default_value = "500,1000,2000")]
    rates: Vec<f64>,
    /// How many bookings, of five events each, the services get that are then compared with the others, to see what growth
    /// does; a million takes half an hour
    #[arg(long, default_value_t = 0)]
    growth: usize,
    /// Where the results go: results.json, README.md and plots
    #[arg(long, default_value = "docs/bench", value_name = "FOLDER")]
    out: PathBuf,
    /// Where the private servers keep their data; on a disk, or flushing costs nothing
    #[arg(long, default_value = ".marquee/bench", value_name = "FOLDER")]
    work: PathBuf,
    /// Only looks whether all of this works: one short round with few connections
    #[arg(long)]
    quick: bool,
    /// Loses a booking of each system before the check, which must notice
    #[arg(long, hide = true)]
    break_one: bool,
}

impl Args {
    fn workloads(&self) -> Vec<Workload> {
        if self.workloads.is_empty() { Workload::value_variants().to_vec() } else { self.workloads.clone() }
    }

    fn connections(&self) -> Vec<usize> {
        if self.quick { vec![4] } else { self.connections.clone() }
    }

    fn rates(&self) -> Vec<f64> {
        if self.quick { vec![100.0] } else { self.rates.clone() }
    }
}

/// Compares, and writes what came of it.
///
/// # Errors
/// In words, when something does not run, or what was answered is not so.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let marquee = services::programs()?.join("marquee");
    let times = measure::times(&args, marquee);
    let started = Which::BOTH.map(|which| Filled::start(which, &args.work, &times.marquee));
    let mut systems = try_join_all(started).await?;
    let mut results = Results {
        began: Utc::now().format("%F %R UTC").to_string(),
        cores: available_parallelism()?.get(),
        optimised: !cfg!(debug_assertions),
        rounds: times.rounds,
        seconds: times.seconds,
        rows: Vec::new(),
        grown: Vec::new(),
        grown_by: args.growth,
        told: None,
        rebuilt: None,
        cost: BTreeMap::new(),
        wrong: Vec::new(),
    };
    for workload in args.workloads() {
        for connections in args.connections() {
            results.rows.extend(measure::rounds(&mut systems, workload, Load::Connections(connections), &times).await?);
        }
        if workload == Workload::Book {
            for rate in args.rates() {
                results.rows.extend(measure::rounds(&mut systems, workload, Load::Rate(rate), &times).await?);
            }
        }
    }
    if args.growth > 0 {
        systems.push(grown(&args, &times).await?);
        results.grown = compare(&mut systems, &args, &times).await?;
    }
    results.told = told(&mut systems, &args, &times).await?;
    sleep(CALM).await;
    for filled in &mut systems {
        results.cost.insert(filled.system.which.name(), cost(filled).await?);
    }
    for filled in &systems {
        if args.break_one {
            check::break_one(&filled.system).await?;
        }
        results.wrong.extend(check::check(&filled.system, &filled.created).await?);
    }
    for filled in systems.iter_mut().filter(|filled| filled.system.which == Which::Services) {
        results.rebuilt = Some(extras::rebuilt(&mut filled.system).await?);
        results.wrong.extend(check::check(&filled.system, &filled.created).await?);
    }
    report::write(&results, &args.out)?;
    for workload in report::workloads(&results) {
        println!("{}\n{}", workload.name(), report::table(&results, workload));
    }
    println!("{}", report::rest(&results).trim());
    println!("\nwritten to {}", args.out.display());
    if results.wrong.is_empty() { Ok(()) } else { bail!("what was answered is not so: {}", results.wrong.join("; ")) }
}

/// The services with many bookings.
async fn grown(args: &Args, times: &Times) -> anyhow::Result<Filled> {
    let mut filled = Filled::start(Which::Grown, &args.work, &times.marquee).await?;
    say(&format!("{} more bookings for the {}", args.growth, filled.system.which.name()));
    filled.grow(args.growth).await?;
    Ok(filled)
}

/// The services with and without that, in turns: on a machine that does other things meanwhile, what was measured long
/// before is no measure. The monolith isn't made to grow: the goal is about the services alone.
async fn compare(systems: &mut [Filled], args: &Args, times: &Times) -> anyhow::Result<Vec<Row>> {
    let load =
        Load::Connections(args.connections().into_iter().filter(|connections| *connections <= 64).max().unwrap_or(1));
    systems.sort_by_key(|filled| filled.system.which);
    let count = systems.partition_point(|filled| filled.system.which < Which::Monolith);
    let (pair, _) = systems.split_at_mut(count);
    let mut rows = Vec::new();
    for workload in args.workloads().into_iter().filter(|workload| *workload != Workload::Scramble) {
        rows.extend(measure::rounds(pair, workload, load, times).await?);
    }
    Ok(rows)
}

/// How soon subscribers are told; only the services have any.
async fn told(systems: &mut [Filled], args: &Args, times: &Times) -> anyhow::Result<Option<extras::Told>> {
    let Some(filled) = systems.iter_mut().find(|filled| filled.system.which == Which::Services) else {
        return Ok(None);
    };
    let rate = if args.quick { 100.0 } else { TOLD };
    let plan = filled.prepare(Workload::Book, Load::Rate(rate), times).await?;
    let (told, taken) = extras::told(&filled.system, &plan, &times.marquee).await?;
    filled.after(Workload::Book, plan, &taken).await?;
    Ok(Some(told))
}

/// What a system takes, after all that it has done.
async fn cost(filled: &mut Filled) -> anyhow::Result<Cost> {
    let (disk, bookings) = filled.before;
    let made = filled.created.len().saturating_sub(bookings).max(1);
    let more = filled.system.disk().saturating_sub(disk);
    Ok(Cost {
        memory: filled.system.memory().into_iter().collect(),
        disk_per_booking: more / u64::try_from(made)?,
        bookings: filled.created.len(),
        start_up_empty: filled.system.start_up.as_secs_f64(),
        start_up_full: filled.system.restart().await?.as_secs_f64(),
    })
}
