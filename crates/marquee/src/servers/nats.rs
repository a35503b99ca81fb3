//! A private nats-server.

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, bail};

use super::{NatsUrls, NatsUser, nats_users, program};
use crate::folder::Folder;
use crate::probe::Probe;
use crate::process::{Output, Process, Spec};

/// The repository's one configuration; what is particular to this server goes by flag.
const CONFIGURATION: &str = include_str!("../../../../nats.conf");

/// The oldest version that has what we use.
const OLDEST: (u32, u32) = (2, 12);

/// How much later than asked its timers may go off. While a Go program is busy, one thread of its runtime (`sysmon`) wakes up
/// after each 20 µs to look after the others: a fifth of the server's processor time. With this, a booking that is alone
/// takes 0.85 times the processor time over all processes, and one of 64 at once 0.93 times.
const SLACK: Duration = Duration::from_millis(1);

/// How many threads of it may run Go at a time; whoever starts us may have said. One that waits for a write to be synced counts
/// as if it ran, since `sysmon` is too late to notice; so there is one more than there are processors, not as many. With that,
/// 1, 16, 64 and 256 clients that book had 1.01, 1.05, 1.06 and 1.06 times the throughput. With two more, 256 had 0.99 times.
const THREADS: &str = "GOMAXPROCS";

/// A private nats-server.
#[derive(Debug)]
pub struct Nats {
    /// Its process.
    pub process: Process,
    urls: NatsUrls,
    store: PathBuf,
}

impl Nats {
    /// Prepares one with its store in the data folder; it doesn't run yet.
    ///
    /// # Errors
    /// In words, when there's no program for it or the folder can't be written.
    pub fn prepare(folder: &Folder) -> anyhow::Result<Self> {
        let Some(program) = program::find("nats-server") else {
            bail!("nats-server is not on PATH; script/bootstrap gets it");
        };
        let version = program::version(&program)?;
        if version < OLDEST {
            let (major, minor) = version;
            bail!("{} is of version {major}.{minor}; 2.12 is the oldest that will do", program.display());
        }
        let port = folder.port(super::NATS)?;
        let store = folder.path().join("nats");
        let configuration = folder.path().join("nats.conf");
        fs::write(&configuration, CONFIGURATION)
            .with_context(|| format!("cannot write {}", configuration.display()))?;
        let (urls, mut environment) = nats_users::passwords(folder, &format!("127.0.0.1:{port}"))?;
        if env::var_os(THREADS).is_none() {
            environment.push((THREADS, (available_parallelism()?.get() + 1).to_string()));
        }
        // Whoever is let in will do; so the one that may do least.
        let probe = Probe::Nats(urls.get(&NatsUser::Subscriber).cloned().unwrap_or_default());
        let spec = Spec {
            name: super::NATS.into(),
            program,
            arguments: vec![
                "--config".into(),
                configuration.into(),
                "-a".into(),
                "127.0.0.1".into(),
                "-p".into(),
                port.to_string().into(),
                "-sd".into(),
                store.clone().into(),
            ],
            environment,
            output: Output::File,
            probe,
            timer_slack: Some(SLACK),
        };
        Ok(Self { process: Process::new(spec, folder), urls, store })
    }

    /// Where each user signs in.
    pub fn urls(&self) -> &NatsUrls {
        &self.urls
    }

    /// Kills it and throws away all it has stored, as a lost disk would.
    ///
    /// # Errors
    /// When the store can't be removed.
    pub async fn wipe(&mut self) -> anyhow::Result<()> {
        self.process.kill().await;
        // What is in the folder, not the folder: that may be where a disk is mounted.
        let store = self.store.join("jetstream");
        match fs::remove_dir_all(&store) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", store.display()))
            }
            _ => Ok(()),
        }
    }

    /// The folder in which it stores everything.
    pub fn store(&self) -> &Path {
        &self.store
    }
}
