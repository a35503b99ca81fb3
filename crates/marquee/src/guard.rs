//! Ends a launcher's processes when the launcher was killed before it could.
//!
//! The guard is a process of its own, whose standard input is a pipe that only the launcher holds: when it ends, the
//! launcher has ended, however that came. Whoever opens the data folder next waits for the guard's lock.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::{folder, pid_file, servers, services};

/// How long the processes of each stage get to drain.
const PATIENCE: Duration = Duration::from_secs(3);

/// What becomes of the data folder when all has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It stays for the next start.
    Keep,
    /// It is removed: a test's.
    Remove,
}

/// A running guard.
#[derive(Debug)]
pub struct Guard {
    process: Child,
}

impl Guard {
    /// Starts the guard of a data folder. `marquee` is the path of that program.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn start(marquee: &Path, folder: &Path, afterwards: Afterwards) -> anyhow::Result<Self> {
        let mut command = Command::new(marquee);
        command.arg("guard").args((afterwards == Afterwards::Remove).then_some("--remove")).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // In a process group of its own, so that a terminal's Ctrl-C does not reach it.
        let spawned = command.process_group(0).spawn();
        let mut process = spawned.with_context(|| format!("cannot start {}", marquee.display()))?;
        // It says something when it has its lock.
        let mut word = Vec::new();
        if let Some(stdout) = process.stdout.take() {
            stdout.take(1).read_to_end(&mut word).await?;
        }
        if word.is_empty() {
            bail!("the guard of {} does not start", folder.display());
        }
        Ok(Self { process })
    }

    /// Lets the guard go. Call it when everything has ended, so that it has nothing left to do.
    pub async fn end(mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait().await;
    }
}

/// What `marquee guard` does: waits for its standard input to end, then ends what runs.
///
/// # Errors
/// When another guard is at work or the folder can't be read.
pub async fn run(folder: &Path, afterwards: Afterwards) -> anyhow::Result<()> {
    let Some(_lock) = lock(folder)? else {
        bail!("{} has a guard already", folder.display());
    };
    // A launcher that is gone by now has started nothing, and its successor may not have seen the lock: so this error
    // ends the guard, and nothing else.
    std::io::stdout().write_all(b".").and_then(|()| std::io::stdout().flush()).context("the launcher is gone")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    end_leftovers(folder).await?;
    if afterwards == Afterwards::Remove {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// The lock that a guard holds all its life; `None` when another process has it.
pub(crate) fn lock(folder: &Path) -> anyhow::Result<Option<File>> {
    folder::try_lock(&folder.join("guard.lock"))
}

/// Ends what still runs of a data folder: the gateway first, the servers last.
pub(crate) async fn end_leftovers(folder: &Path) -> anyhow::Result<()> {
    let stage = |name: &str| match name {
        services::GATEWAY => 0,
        servers::NATS | servers::DATABASE => 2,
        _ => 1,
    };
    pid_file::end_all(&folder::run(folder), stage, PATIENCE).await
}
