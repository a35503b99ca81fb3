//! What is measured: the workloads, and how a measurement is taken.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use super::figures;
use super::load::{BEGIN, END, Measured, Plan};

/// How many buyers want how many seats of a showtime.
pub(super) const BUYERS: usize = 200;
pub(super) const SEATS: usize = 20;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Each request books a seat that is free
    Book,
    /// 200 buyers after the same 20 seats, showtime after showtime
    Scramble,
    /// Gets one of a thousand bookings
    Booking,
    /// Gets the seat map of one showtime
    SeatMap,
    /// Lists the first 50 showtimes
    Showtimes,
    /// Nine reads of all kinds, then a booking
    Mix,
}

impl Workload {
    /// Whether it makes bookings.
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Book | Self::Scramble | Self::Mix)
    }

    /// What it is called in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Book => "book a fresh seat",
            Self::Scramble => "200 buyers after the same 20 seats",
            Self::Booking => "get a booking",
            Self::SeatMap => "hot seat map",
            Self::Showtimes => "list showtimes",
            Self::Mix => "90 % reads",
        }
    }
}

/// One measurement, and what it cost.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) measured: Measured,
    /// Processor time of all processes of the system while it was measured, in seconds.
    pub(super) processor: f64,
}

/// Lets the load generator carry out a plan against the system with these processes.
///
/// # Errors
/// When it fails, such as for a system that closes connections.
pub(super) async fn take(plan: &Plan, marquee: &Path, pids: &[u32]) -> anyhow::Result<Taken> {
    let mut command = generator(marquee);
    command.arg("bench-load").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let program = command.as_std().get_program().to_owned();
    let mut child = command.spawn().with_context(|| format!("the load generator does not start by {program:?}"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(&serde_json::to_vec(plan)?).await?;
    drop(stdin);
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    expect(&mut lines, BEGIN).await?;
    let before = figures::processor(pids);
    expect(&mut lines, END).await?;
    let processor = figures::processor(pids) - before;
    let line = lines.next_line().await?.context("the load generator says nothing")?;
    child.wait().await?;
    Ok(Taken { measured: serde_json::from_str(&line)?, processor })
}

/// The load generator, which waits for its turn (`SCHED_BATCH`, sched(7)). Without that, Linux lets each answer that wakes it
/// up interrupt whoever has sent the answer, which no client on a machine of its own does: with 64 and 256 connections the
/// services have 1.07 times the bookings with it, and the monolith as many.
fn generator(marquee: &Path) -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(marquee);
    }
    let mut command = Command::new("chrt");
    command.args(["-b", "0"]).arg(marquee);
    command
}

async fn expect(lines: &mut Lines<BufReader<ChildStdout>>, word: &str) -> anyhow::Result<()> {
    match lines.next_line().await? {
        Some(line) if line == word => Ok(()),
        _ => bail!("the load generator came to nothing: it may have been refused a connection"),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_generator_waits_for_its_turn() {
        let output = generator(Path::new("cat")).arg("/proc/self/stat").output().await.unwrap();
        let stat = String::from_utf8(output.stdout).unwrap();
        // proc_pid_stat(5): the policy is the 41st field, the second ends with the last parenthesis.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        assert_eq!(fields.split(' ').nth(41 - 3), Some("3"), "{stat}");
    }
}
