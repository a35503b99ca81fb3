//! Measuring both systems in turns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use super::Args;
use super::bare::Bare;
use super::growth;
use super::load::Plan;
use super::results::{Load, Row, Sample};
use super::stock::Stock;
use super::system::{System, Which};
use super::workload::{self, BUYERS, SEATS, Taken, Workload};
use crate::logs::say;

/// No system on one machine books more than this in a second: so many seats are made for each second of a measurement.
const MOST: f64 = 12_000.0;
/// The same for each connection.
const MOST_EACH: f64 = 1_500.0;
/// Bookings that are read, and seats that are taken on the hot seat map.
const BOOKINGS: usize = 1_000;
/// On how many connections requests are begun at a rate: so many can wait for their answers.
const RATED: usize = 256;
/// With how many connections what is read is made.
const FILLERS: usize = 16;
/// How long a system may take until what was written can be read.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// A system with what it was filled with.
pub(super) struct Filled {
    pub(super) system: System,
    stock: Stock,
    /// Every booking that it said it made.
    pub(super) created: Vec<String>,
    /// What is read by each workload.
    reads: BTreeMap<Workload, Vec<String>>,
    /// What it had on disk, in bytes, and how many bookings, when it had been filled.
    pub(super) before: (u64, usize),
}

impl Filled {
    /// Starts a system and fills it.
    ///
    /// # Errors
    /// In words, when it does not start or does not take what it is given.
    pub(super) async fn start(which: Which, work: &Path, marquee: &Path) -> anyhow::Result<Self> {
        let system = System::start(which, work).await?;
        let mut stock = Stock::fill(&system).await?;
        let hot = stock.make_showtimes(1).await?.concat();
        let mut filled = Self { system, stock, created: Vec::new(), reads: BTreeMap::new(), before: (0, 0) };
        let mut writes = filled.stock.fresh(BOOKINGS).await?;
        let rest = writes.split_off(BOOKINGS);
        filled.stock.give_back(rest, 0);
        writes.extend(filled.stock.half(&hot));
        let plan = Plan { seconds: PATIENCE.as_secs_f64(), ..filled.plan(FILLERS, None, writes) };
        let taken = workload::take(&plan, marquee, &[]).await?;
        let bookings: Vec<String> = taken.measured.created.iter().map(|id| format!("/api/bookings/{id}")).collect();
        filled.created.extend(taken.measured.created);
        filled.settle().await?;
        let (seats, showtimes) = (format!("/api/showtimes/{hot}/seats"), "/api/showtimes".to_owned());
        let mix =
            bookings.iter().take(BOOKINGS).flat_map(|booking| [booking.clone(), seats.clone(), showtimes.clone()]);
        filled.reads.insert(Workload::Mix, mix.collect());
        filled.reads.insert(Workload::Booking, bookings);
        filled.reads.insert(Workload::SeatMap, vec![seats]);
        filled.reads.insert(Workload::Showtimes, vec![showtimes]);
        filled.before = (filled.system.disk(), filled.created.len());
        Ok(filled)
    }

    /// Waits until what was written can be read: no system is measured while it still works on what was before.
    async fn settle(&self) -> anyhow::Result<()> {
        let Some(last) = self.created.last() else { return Ok(()) };
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.stock.size(&format!("/api/bookings/{last}")).await {
            if Instant::now() > deadline {
                bail!("a booking of the {} can't be read: {error}", self.system.which.name());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn plan(&self, connections: usize, rate: Option<f64>, writes: Vec<String>) -> Plan {
        let (address, token) = (self.system.address, self.system.token.clone());
        Plan { address, token, connections, rate, warm_up: 0.0, seconds: 0.0, reads: Vec::new(), writes }
    }

    /// One measurement of a workload.
    ///
    /// # Errors
    /// In words, when the system or the load generator fails.
    pub(super) async fn measure(&mut self, workload: Workload, load: Load, times: &Times) -> anyhow::Result<Taken> {
        let plan = self.prepare(workload, load, times).await?;
        let taken = workload::take(&plan, &times.marquee, &self.system.pids()).await?;
        self.after(workload, plan, &taken).await?;
        Ok(taken)
    }

    /// Makes what a measurement uses up, and a plan of it.
    pub(super) async fn prepare(&mut self, workload: Workload, load: Load, times: &Times) -> anyhow::Result<Plan> {
        let (connections, rate) = match load {
            Load::Connections(connections) => (connections, None),
            Load::Rate(rate) => (RATED, Some(rate)),
        };
        let most = rate.unwrap_or_else(|| MOST.min(MOST_EACH * connections as f64)).min(times.most);
        let count = (most * (times.warm_up + times.seconds)).ceil() as usize;
        let writes = match workload {
            Workload::Book => self.stock.fresh(count).await?,
            Workload::Mix => self.stock.fresh(count.div_ceil(5)).await?,
            Workload::Scramble => self.stock.scrambled(count.div_ceil(BUYERS), BUYERS, SEATS).await?,
            Workload::Booking | Workload::SeatMap | Workload::Showtimes => Vec::new(),
        };
        let reads = self.reads.get(&workload).cloned().unwrap_or_default();
        let (warm_up, seconds) = (times.warm_up, times.seconds);
        Ok(Plan { reads, warm_up, seconds, ..self.plan(connections, rate, writes) })
    }

    /// Keeps what a measurement left.
    pub(super) async fn after(&mut self, workload: Workload, plan: Plan, taken: &Taken) -> anyhow::Result<()> {
        if matches!(workload, Workload::Book | Workload::Mix) {
            self.stock.give_back(plan.writes, taken.measured.written);
        }
        self.created.extend(taken.measured.created.iter().cloned());
        if workload.writes() { self.settle().await } else { Ok(()) }
    }

    /// Gives it a past of so many bookings.
    ///
    /// # Errors
    /// As [`growth::fill`].
    pub(super) async fn grow(&mut self, bookings: usize) -> anyhow::Result<()> {
        self.created.extend(growth::fill(&mut self.system, &mut self.stock, bookings).await?);
        Ok(())
    }

    /// How many bytes the answers of a workload have.
    pub(super) async fn size(&self, workload: Workload) -> anyhow::Result<usize> {
        match self.reads.get(&workload).and_then(|paths| paths.first()) {
            Some(path) => self.stock.size(path).await,
            None => Ok(0),
        }
    }
}

/// How long and how much.
pub(super) struct Times {
    pub(super) rounds: usize,
    pub(super) warm_up: f64,
    pub(super) seconds: f64,
    /// Requests a second at most that seats are made for.
    pub(super) most: f64,
    /// The program that is the load generator, too.
    pub(super) marquee: PathBuf,
}

/// Measures a workload under a load in all systems, round after round, each time beginning with another one.
///
/// # Errors
/// As for one measurement.
pub(super) async fn rounds(
    systems: &mut [Filled],
    workload: Workload,
    load: Load,
    times: &Times,
) -> anyhow::Result<Vec<Row>> {
    let mut samples: BTreeMap<&'static str, Vec<Sample>> = BTreeMap::new();
    for round in 0..times.rounds {
        let count = systems.len().max(1);
        for turn in 0..systems.len() {
            let Some(filled) = systems.get_mut((turn + round) % count) else { continue };
            let name = filled.system.which.name();
            let taken = filled.measure(workload, load, times).await?;
            let sample = Sample::of(workload, &taken);
            say(&format!("{}, {load}, {name}: {sample}", workload.name()));
            samples.entry(name).or_default().push(sample);
        }
        if let (Load::Connections(connections), Some(filled)) = (load, systems.first())
            && !workload.writes()
        {
            let bare = Bare::start(&times.marquee, filled.size(workload).await?).await?;
            let sample = bare.measure(connections, times).await?;
            say(&format!("{}, {load}, bare: {sample}", workload.name()));
            samples.entry("bare").or_default().push(sample);
        }
    }
    Ok(samples.into_iter().map(|(system, samples)| Row::of(workload, load, system, &samples)).collect())
}

/// What the arguments say about that.
pub(super) fn times(args: &Args, marquee: PathBuf) -> Times {
    let (rounds, warm_up, seconds, most) = if args.quick {
        (1, 0.1, 0.4, 400.0)
    } else {
        (usize::from(args.rounds), args.warm_up, args.seconds, f64::MAX)
    };
    Times { rounds, warm_up, seconds, most, marquee }
}
