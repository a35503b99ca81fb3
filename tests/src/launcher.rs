//! `marquee up`, as `script/up` runs it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use contracts::Role;
use marquee::pid_file::Identity;
use marquee::{ports, services, token};
use rustix::process::{Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Api, eventually};

/// Where its standard error goes, in its data folder.
const LOG: &str = "launcher.log";
/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running launcher.
pub struct Launcher {
    /// REST.
    pub api: Api,
    /// What it said when it was ready.
    pub said: String,
    process: Child,
    folder: PathBuf,
    stdout: Lines<BufReader<ChildStdout>>,
}

/// What a launcher said that ended by itself.
pub struct Refusal {
    /// With which status.
    pub status: ExitStatus,
    /// On standard error.
    pub message: String,
}

impl Launcher {
    /// Starts one; it isn't ready yet.
    pub fn spawn(listen: SocketAddr, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a data folder");
        let log = File::options().create(true).append(true).open(folder.join(LOG)).expect("a log");
        let mut process = command(listen, folder).stderr(log).spawn().expect("a launcher");
        let stdout = process.stdout.take().expect("its output");
        let api = Api::new(format!("http://{listen}"));
        Self { api, said: String::new(), process, folder: folder.to_owned(), stdout: BufReader::new(stdout).lines() }
    }

    /// Starts one and waits until it says that it is ready.
    pub async fn start(listen: SocketAddr, folder: &Path) -> Self {
        let mut launcher = Self::spawn(listen, folder);
        let ready = async {
            // The last of its lines of advice is about events.
            while !launcher.said.contains("Watch events") {
                let line = launcher.stdout.next_line().await.expect("its output");
                launcher.said += &line.expect("the launcher ended before it was ready");
                launcher.said += "\n";
            }
        };
        timeout(PATIENCE, ready).await.expect("a launcher that becomes ready");
        let token = token::brief(folder, Role::Admin).expect("a token");
        launcher.api = launcher.api.with_token(token);
        launcher
    }

    /// Starts one that is bound to refuse.
    pub async fn refused(listen: SocketAddr, folder: &Path) -> Refusal {
        let mut process = command(listen, folder).stderr(Stdio::piped()).spawn().expect("a launcher");
        let mut stderr: ChildStderr = process.stderr.take().expect("its messages");
        let mut message = String::new();
        let end = async {
            stderr.read_to_string(&mut message).await.expect("a message");
            process.wait().await.expect("a status")
        };
        let status = timeout(PATIENCE, end).await.expect("a launcher that ends");
        Refusal { status, message }
    }

    /// One of its processes, such as `bookings`, if that runs.
    pub fn process(&self, name: &str) -> Option<Identity> {
        Identity::read(&self.folder.join("run").join(name).with_extension("pid"))
    }

    /// All its processes that run.
    pub fn processes(&self) -> Vec<Identity> {
        let files = fs::read_dir(self.folder.join("run")).into_iter().flatten().flatten();
        files.filter_map(|file| Identity::read(&file.path())).collect()
    }

    /// Signals it, and waits until it has ended.
    pub async fn end(mut self, signal: Signal, patience: Duration) -> ExitStatus {
        let launcher = self.process.id().and_then(Identity::of).expect("a launcher that runs");
        kill_process(launcher.pid(), signal).expect("a signal");
        timeout(patience, self.process.wait()).await.expect("a launcher that ends in time").expect("a status")
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.folder.join(LOG)).unwrap_or_default());
        }
    }
}

/// Waits until none of these processes runs any more.
pub async fn gone(processes: &[Identity]) {
    eventually("the end of all processes", async || (!processes.iter().any(Identity::runs)).then_some(())).await;
}

/// An address that nobody listens on.
pub fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], ports::free().expect("a free port")))
}

fn command(listen: SocketAddr, folder: &Path) -> Command {
    let programs = services::programs().unwrap_or_else(|error| panic!("{error:#}"));
    let mut command = Command::new(programs.join("marquee"));
    command.arg("up").arg("--listen").arg(listen.to_string()).arg("--data-dir").arg(folder);
    command.env_remove("NATS_URL").env_remove("DATABASE_URL");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}
