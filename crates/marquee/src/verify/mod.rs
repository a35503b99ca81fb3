//! `marquee verify`: an audit of what runs. It reads only, and may run at any time.
//!
//! First it waits a moment for what is on its way, and tells what doesn't arrive ([`stuck`]). Then each journal is read
//! once ([`reading`]) and looked at by all at the same time: [`journal`], [`outcomes`], [`stream`], [`projections`],
//! [`seats`], [`reactions`]. What is written meanwhile is not looked at.

mod around;
mod finding;
mod journal;
mod outcomes;
mod projections;
mod reactions;
mod reading;
mod seats;
mod stream;
mod stuck;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bookings::programme::Programme as BookingsProgramme;
use bookings::projections::BookingTables;
use contracts::Service;
use movies::projections::Programme;
use serde_json::json;
use tokio::task::JoinSet;
use users::projections::UserTable;

use around::{Around, Servers};
pub use finding::Finding;
use finding::Findings;
use reading::Reading;

/// The exit code when something differs.
const DIFFERS: u8 = 1;
/// The exit code when nobody could look.
const BLIND: u8 = 2;

/// What `marquee verify` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The data folder of the launcher that runs, whose private servers are looked at
    #[arg(long, env = "MARQUEE_DATA_DIR", default_value = ".marquee", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// The existing nats-server, where there is no private one; as somebody who may do what the operator may
    #[arg(long, env = "NATS_URL", value_name = "nats://USER:PASSWORD@HOST:PORT", hide_env_values = true)]
    nats_url: Option<String>,
    /// The existing MariaDB or MySQL server, where there is no private one, with an account that reaches all three
    /// databases; or three URLs, each with its database behind it
    #[arg(
        long = "database-url",
        env = "DATABASE_URL",
        value_name = "mysql://USER:PASSWORD@HOST:PORT",
        hide_env_values = true,
        value_delimiter = ','
    )]
    database_urls: Vec<String>,
    /// For how many seconds to wait for what is behind
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    patience: u32,
    /// One JSON document instead of lines
    #[arg(long)]
    json: bool,
}

/// Looks at everything and tells what differs.
pub async fn run(args: Args) -> ExitCode {
    let began = Instant::now();
    match look(&args).await {
        Ok((events, findings)) => report(args.json, events, findings, began.elapsed()),
        Err(error) => {
            eprintln!("marquee: could not look: {error:#}");
            ExitCode::from(BLIND)
        }
    }
}

/// The number of events that were there, and what was found.
async fn look(args: &Args) -> anyhow::Result<(u64, Vec<Findings>)> {
    let servers =
        Servers { data_dir: &args.data_dir, nats_url: args.nats_url.as_deref(), database_urls: &args.database_urls };
    let around = Around::find(servers, Duration::from_secs(args.patience.into())).await?;
    let mut findings = vec![stuck::check(&around).await?];
    let mut checks: JoinSet<anyhow::Result<Vec<Findings>>> = JoinSet::new();
    let mut reading = Reading::default();
    for service in Service::ALL {
        checks.spawn(stream::Check::open(&around, service).await?.run(reading.of(service)));
    }
    let users = projections::Check::<UserTable>::open(&around, Service::Users).await?;
    checks.spawn(users.run(reading.of(Service::Users)));
    let programme = projections::Check::<Programme>::open(&around, Service::Movies).await?;
    checks.spawn(programme.run(reading.of(Service::Movies)));
    let programme = projections::Check::<BookingsProgramme>::open(&around, Service::Bookings).await?;
    checks.spawn(programme.run(reading.of(Service::Movies)));
    let bookings = projections::Check::<BookingTables>::open(&around, Service::Bookings).await?;
    checks.spawn(bookings.run(reading.of(Service::Bookings)));
    checks.spawn(seats::Check::open(&around).await?.run(reading.of(Service::Bookings)));
    let reactions = reactions::Check::open(&around).await?;
    checks.spawn(reactions.run(reading.of(Service::Movies), reading.of(Service::Users)));
    let events = reading.start(&around, &mut checks).await?;
    while let Some(done) = checks.join_next().await {
        findings.extend(done??);
    }
    around.bar.finish_and_clear();
    Ok((events, findings))
}

fn report(as_json: bool, events: u64, found: Vec<Findings>, took: Duration) -> ExitCode {
    let more: u64 = found.iter().map(|findings| findings.more).sum();
    let mut told: Vec<Finding> = found.into_iter().flat_map(|findings| findings.told).collect();
    told.sort_by(|a, b| (a.check, &a.place).cmp(&(b.check, &b.place)));
    let seconds = took.as_secs_f64();
    if as_json {
        println!("{:#}", json!({ "events": events, "seconds": seconds, "findings": told, "left_out": more }));
    } else {
        for Finding { check, place, what, mend } in &told {
            println!("{check}: {place}: {what}\n    to mend it: {mend}");
        }
        if more > 0 {
            println!("and {more} more like these");
        }
        let result = if told.is_empty() { "all is as it must be".into() } else { format!("{} findings", told.len()) };
        println!("{events} events in {seconds:.1} s: {result}");
    }
    if told.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) }
}
