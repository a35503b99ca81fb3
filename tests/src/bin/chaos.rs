//! A chaos run: a random but seeded workload against a real system while harm is done to it, and whether anything was
//! lost or happened twice.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use system_tests::chaos::check::check;
use system_tests::chaos::run::Run;
use system_tests::chaos::summary::Summary;

/// Set in a process that has mounts of its own already.
const APART: &str = "CHAOS_APART";

/// Does harm to a Marquee of its own while clients use it, and tells whether anything was lost or happened twice.
#[derive(Parser)]
struct Args {
    /// For how many minutes
    #[arg(long, default_value_t = 1.5)]
    minutes: f64,
    /// What the harm and the clients' choices follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many of each service run
    #[arg(long, default_value_t = 2)]
    replicas: usize,
    /// How many customers are busy, beside two admins and two scripts
    #[arg(long, default_value_t = 10)]
    customers: u32,
    /// Where history and logs stay; a temporary folder without it
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Runs nothing, and judges the history in this file once more
    #[arg(long, value_name = "FILE")]
    judge: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if let Some(file) = &args.judge {
        return judge(file);
    }
    apart();
    let folder = || std::env::temp_dir().join(format!("marquee-chaos-{}", uuid::Uuid::now_v7()));
    let keep = args.keep.unwrap_or_else(folder);
    eprintln!("history and logs: {}", keep.display());
    let lasts = Duration::from_secs_f64(args.minutes * 60.0);
    let run = Run { lasts, seed: args.seed, replicas: args.replicas, customers: args.customers, keep };
    let summary = tokio::runtime::Runtime::new()?.block_on(run.go())?;
    Ok(said(&summary))
}

fn said(summary: &Summary) -> ExitCode {
    println!("{summary}");
    if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn judge(file: &Path) -> anyhow::Result<ExitCode> {
    let history = serde_json::from_slice(&std::fs::read(file)?)?;
    let verdict = check(&history);
    println!("{verdict}");
    Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Goes on with mounts of its own, so that small disks go with it, and need no rights outside. Where that can't be, it
/// goes on without.
fn apart() {
    if std::env::var_os(APART).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let rights = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let can = Command::new("unshare").args([rights, "true"]).status().is_ok_and(|status| status.success());
    if can {
        let mut command = Command::new("unshare");
        command.arg(rights).arg(program).args(std::env::args_os().skip(1)).env(APART, "1");
        // Returns only when it fails.
        eprintln!("no mounts of its own: {}", command.exec());
    }
}
