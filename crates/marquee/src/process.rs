//! A process of ours: started, waited for until it is ready, stopped or killed, and started again.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::folder::Folder;
use crate::logs;
use crate::pid_file::Identity;
use crate::probe::Probe;
use crate::timer_slack;

/// How long to wait between two looks whether a process is ready.
const PAUSE: Duration = Duration::from_millis(25);
/// How many lines of its log say why a process did not come up.
const LAST_LINES: usize = 15;

/// How to start a process.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What it is called in logs and messages; unique in its data folder.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What is added to its environment: here, unlike among the arguments, other users can't see secrets.
    pub environment: Vec<(&'static str, String)>,
    /// Where its output goes.
    pub output: Output,
    /// How to tell that it is ready.
    pub probe: Probe,
    /// How much later than asked its naps may end, where Linux lets one say so; by default 50 µs.
    pub timer_slack: Option<Duration>,
}

/// Where a process's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To the end of its log file in the data folder.
    File,
    /// To standard error, each line behind its name.
    Terminal,
}

/// A process that can be started. Dropped while it runs, it is killed.
#[derive(Debug)]
pub struct Process {
    spec: Spec,
    pid_file: PathBuf,
    health_file: PathBuf,
    log_file: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// One that does not run yet.
    pub fn new(spec: Spec, folder: &Folder) -> Self {
        Self {
            pid_file: folder.pid_file(&spec.name),
            health_file: folder.health_file(&spec.name),
            log_file: folder.log_file(&spec.name),
            spec,
            child: None,
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Starts it, in a process group of its own: a terminal's Ctrl-C reaches only the launcher, which ends the others
    /// in order.
    ///
    /// # Errors
    /// When the program can't be started.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let Spec { name, program, arguments, environment, output, timer_slack, .. } = &self.spec;
        let mut command = Command::new(program);
        command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).process_group(0);
        match output {
            Output::Terminal => command.stdout(Stdio::piped()).stderr(Stdio::piped()),
            Output::File => {
                let log = OpenOptions::new().create(true).append(true).open(&self.log_file)?;
                command.stdout(log.try_clone()?).stderr(log)
            }
        };
        let started = timer_slack::with(*timer_slack, || command.spawn());
        let mut child = started.with_context(|| format!("cannot start {}", program.display()))?;
        if let Some(identity) = child.id().and_then(Identity::of) {
            identity.write(&self.pid_file)?;
        }
        if let Probe::Http(url) = &self.spec.probe {
            fs::write(&self.health_file, url.trim_end_matches("/readyz"))?;
        }
        logs::forward(name, child.stdout.take(), child.stderr.take());
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it ends before it is, or is not after `patience`; with the end of its log.
    pub async fn ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let Err(reason) = self.spec.probe.ask().await else { return Ok(()) };
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                self.forget();
                bail!("{} ended before it was ready ({status}){}", self.spec.name, self.last_lines());
            }
            if Instant::now() > deadline {
                let (name, seconds) = (&self.spec.name, patience.as_secs());
                bail!("{name} is not ready after {seconds} s: {reason:#}{}", self.last_lines());
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until it ends by itself. Never returns when it does not run.
    pub async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        let Some(child) = &mut self.child else { return std::future::pending().await };
        let status = child.wait().await;
        self.forget();
        status
    }

    /// Asks it to drain, and kills it when it has not ended after `patience`. True when it ended by itself.
    pub async fn stop(&mut self, patience: Duration) -> bool {
        self.signal(Signal::TERM);
        let drained = self.child.is_none() || timeout(patience, self.ended()).await.is_ok();
        if !drained {
            self.kill().await;
        }
        drained
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        if self.child.is_some() {
            let _ = self.ended().await;
        }
    }

    /// Whether it has ended by itself since it was started.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))));
        if ended {
            self.forget();
        }
        ended
    }

    /// Lets it stand still, as a machine that swaps or a debugger would: it is there, and answers nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to drain, and does not wait for that.
    pub fn drain(&self) {
        self.signal(Signal::TERM);
    }

    /// Signals it and what it may have started itself. That it has ended at this very moment is no error.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }

    fn forget(&mut self) {
        self.child = None;
        let _ = fs::remove_file(&self.pid_file);
        let _ = fs::remove_file(&self.health_file);
    }

    /// The end of the log file, to be put behind a message.
    pub(crate) fn last_lines(&self) -> String {
        let Ok(log) = fs::read(&self.log_file) else { return String::new() };
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().rev().take(LAST_LINES).collect();
        let lines: String = lines.iter().rev().map(|line| format!("\n  {line}")).collect();
        format!(". The end of {}:{lines}", self.log_file.display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
