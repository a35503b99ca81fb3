//! The systems, each on private servers of its own in a folder of its own, which goes with it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use contracts::{Role, Service};

use super::figures;
use crate::folder::Folder;
use crate::guard::{Afterwards, Guard};
use crate::ports;
use crate::process::{Output, Process, Spec};
use crate::servers::{self, Database, Nats, NatsUser};
use crate::services::{self, Surroundings};
use crate::token;

/// How long a program may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a program may drain.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the tokens last that requests are made with.
const TOKEN: Duration = Duration::from_secs(24 * 3600);

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    /// Marquee: gateway, services, broker, stores.
    Services,
    /// The same with a past, which the other is compared with.
    Grown,
    /// The program that it is compared with, and its store.
    Monolith,
}

impl Which {
    pub(super) const BOTH: [Self; 2] = [Self::Services, Self::Monolith];

    /// What it is called in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Grown => "grown",
            Self::Monolith => services::MONOLITH,
        }
    }
}

/// A running system. Dropped, it ends with everything that belongs to it.
pub(super) struct System {
    pub(super) which: Which,
    pub(super) address: SocketAddr,
    /// An admin's token.
    pub(super) token: String,
    /// How long its own programs took to start.
    pub(super) start_up: Duration,
    // Dropped before what they stand on.
    programs: Vec<Process>,
    pub(super) nats: Option<Nats>,
    pub(super) database: Database,
    folder: Folder,
    // The last to be dropped, because it removes the folder.
    _guard: Guard,
}

impl System {
    /// Starts one on fresh servers.
    ///
    /// # Errors
    /// In words, when something is missing or does not start.
    pub(super) async fn start(which: Which, work: &Path) -> anyhow::Result<Self> {
        let programs = services::programs()?;
        let folder = Folder::open(&work.join(format!("{}-{}", which.name(), std::process::id()))).await?;
        let guard = Guard::start(&programs.join("marquee"), folder.path(), Afterwards::Remove).await?;
        let mut database = Database::prepare(&folder).await?;
        start(&mut database.process).await?;
        let nats = match which {
            Which::Services | Which::Grown => {
                let mut nats = Nats::prepare(&folder)?;
                start(&mut nats.process).await?;
                Some(nats)
            }
            Which::Monolith => None,
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let specs = match &nats {
            Some(nats) => of_services(programs, nats, &database, &folder, address)?,
            None => {
                // It has one of the databases that are there for the services.
                let url = database.urls().get(&Service::Bookings).map(String::as_str).unwrap_or_default();
                vec![services::monolith(url, &folder.token_secrets()?, address)?]
            }
        };
        let token = token::sign_with(&folder.token_secrets()?, Role::Admin, TOKEN)?;
        let programs = specs.into_iter().map(|spec| Process::new(spec, &folder)).collect();
        let start_up = Duration::ZERO;
        let mut system = Self { which, address, token, start_up, programs, nats, database, folder, _guard: guard };
        system.start_up = system.start_programs().await?;
        Ok(system)
    }

    /// Ends its own programs and starts them again; how long that took until all were ready.
    ///
    /// # Errors
    /// In words, when one does not start.
    pub(super) async fn restart(&mut self) -> anyhow::Result<Duration> {
        self.stop_programs().await;
        self.start_programs().await
    }

    /// Ends its own programs.
    pub(super) async fn stop_programs(&mut self) {
        for program in self.programs.iter_mut().rev() {
            program.stop(DRAIN).await;
        }
    }

    /// Starts its own programs, all at once; how long that took until all were ready.
    ///
    /// # Errors
    /// In words, when one does not.
    pub(super) async fn start_programs(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        for program in &mut self.programs {
            program.start()?;
        }
        for program in &mut self.programs {
            program.ready(PATIENCE).await?;
        }
        Ok(began.elapsed())
    }

    /// The processes, servers included.
    pub(super) fn pids(&self) -> Vec<u32> {
        let nats = self.nats.iter().map(|nats| &nats.process);
        self.programs.iter().chain(nats).chain([&self.database.process]).filter_map(Process::id).collect()
    }

    /// Resident memory of each process by its name, in bytes.
    pub(super) fn memory(&self) -> Vec<(String, u64)> {
        let nats = self.nats.iter().map(|nats| &nats.process);
        let all = self.programs.iter().chain(nats).chain([&self.database.process]);
        all.map(|process| (process.name().to_owned(), process.id().map_or(0, figures::memory))).collect()
    }

    /// What it has on disk, in bytes.
    pub(super) fn disk(&self) -> u64 {
        figures::disk(self.folder.path())
    }

    /// Its data folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database with its bookings.
    pub(super) fn bookings_url(&self) -> anyhow::Result<&str> {
        self.database.urls().get(&Service::Bookings).map(String::as_str).context("there is no database for bookings")
    }

    /// Where the operator signs in to the broker.
    pub(super) fn operator_url(&self) -> anyhow::Result<&str> {
        let urls = self.nats.as_ref().map(Nats::urls).context("there is no broker")?;
        urls.get(&NatsUser::Operator).map(String::as_str).context("there is no operator")
    }
}

async fn start(process: &mut Process) -> anyhow::Result<()> {
    process.start()?;
    process.ready(servers::PATIENCE).await
}

fn of_services(
    programs: PathBuf,
    nats: &Nats,
    database: &Database,
    folder: &Folder,
    address: SocketAddr,
) -> anyhow::Result<Vec<Spec>> {
    let around = Surroundings {
        programs,
        nats_urls: nats.urls().clone(),
        token_secrets: folder.token_secrets()?,
        database_urls: database.urls().clone(),
        output: Output::File,
    };
    let mut specs = Vec::new();
    for service in Service::ALL {
        specs.push(around.service(service, service.name())?);
    }
    specs.push(around.gateway(address, services::GATEWAY)?);
    Ok(specs)
}
