//! Where a run takes place: a cinema with replicas, lines that can be harmed, disks that can be full, clocks of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use contracts::{Role, Service};
use marquee::process::Spec;
use marquee::servers::{DATABASE, NATS};
use marquee::services::GATEWAY;
use reqwest::Url;
use tokio::sync::Mutex;
use tokio::time::{interval, timeout};

use super::client::Gate;
use super::clock::Clocks;
use super::disk::Disk;
use super::plan::Targets;
use super::proxy::Line;
use crate::{Api, Cinema};

/// What clients' line to a gateway is called after.
const CLIENTS: &str = "clients";
/// How large the small disks are: enough for a run, and quickly full.
const DATABASE_DISK: u64 = 1 << 30;
const BROKER_DISK: u64 = 512 << 20;
/// How long a server may take until it answers again.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a program may drain.
const DRAIN: Duration = Duration::from_secs(10);
/// How often to look.
const LOOK: Duration = Duration::from_millis(50);

/// Lines by what is at their ends, such as `bookings-2 - database`.
type Lines = Arc<StdMutex<BTreeMap<String, Line>>>;

/// A cinema, and what can be done to it.
pub struct Stage {
    /// The cinema.
    pub cinema: Mutex<Cinema>,
    /// The gateways, as clients reach them.
    pub gates: Arc<[Gate]>,
    /// Clocks of the programs.
    pub clocks: Clocks,
    /// The servers' disks, by server; none where nothing can be mounted.
    pub disks: BTreeMap<&'static str, Disk>,
    /// Where the broker stores everything.
    pub broker_store: PathBuf,
    gateways: Vec<String>,
    lines: Lines,
    turns: StdMutex<BTreeMap<String, Arc<Mutex<()>>>>,
}

impl Stage {
    /// Starts so many replicas of each service, and as many gateways, at least two; and waits until all are ready.
    ///
    /// # Errors
    /// When clocks can't be stepped here.
    pub async fn set(replicas: usize) -> anyhow::Result<Self> {
        let folder = crate::cinema::new_folder();
        std::fs::create_dir_all(&folder)?;
        let clocks = Clocks::prepare(&folder)?;
        let lines = Lines::default();
        let mut disks = BTreeMap::new();
        let fit = {
            let (clocks, lines) = (clocks.clone(), Arc::clone(&lines));
            move |spec: &mut Spec| fit(spec, &clocks, &lines).unwrap_or_else(|error| panic!("{error:#}"))
        };
        let mut cinema = Cinema::start_fitted(|folder| disks = mount(folder), fit).await;
        let mut gateways = vec![(GATEWAY.to_owned(), cinema.api.clone())];
        for replica in 2..=replicas.max(2) {
            for service in Service::ALL.into_iter().filter(|_| replica <= replicas) {
                cinema.begin(service, &format!("{service}-{replica}"));
            }
            let name = format!("{GATEWAY}-{replica}");
            let api = cinema.add_gateway(&name).await;
            gateways.push((name, api));
        }
        for name in cinema.names() {
            cinema.ready(&name).await;
        }
        let mut gates = Vec::new();
        for (name, api) in &gateways {
            let mut url: Url = api.base().parse()?;
            let line = Line::to(url.port().unwrap_or_default())?;
            let _ = url.set_port(Some(line.port()));
            lock(&lines).insert(format!("{CLIENTS} - {name}"), line);
            let api = Api::new(url.as_str().trim_end_matches('/'));
            gates.push(Gate { api, births: AtomicU32::new(0) });
        }
        let broker_store = cinema.nats_server.store().to_owned();
        let gateways = gateways.into_iter().map(|(name, _)| name).collect();
        let (cinema, gates, turns) = (Mutex::new(cinema), gates.into(), StdMutex::default());
        Ok(Self { cinema, gates, clocks, disks, broker_store, gateways, lines, turns })
    }

    /// Whoever harms this target holds this meanwhile.
    pub fn turn(&self, to: &str) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(to.to_owned()).or_default())
    }

    /// Whom harm can be done to.
    pub async fn targets(&self) -> Targets {
        let names = self.cinema.lock().await.names();
        Targets {
            services: names.into_iter().filter(|name| !self.gateways.contains(name)).collect(),
            gateways: self.gateways.clone(),
            lines: lock(&self.lines).keys().cloned().collect(),
            disks: self.disks.len() == 2,
        }
    }

    /// Does something to a line.
    pub fn on_line<T>(&self, name: &str, work: impl FnOnce(&Line) -> T) -> Option<T> {
        lock(&self.lines).get(name).map(work)
    }

    /// A token of the machine for admins that outlasts every run.
    pub async fn admin(&self) -> String {
        self.cinema.lock().await.token_for(Role::Admin, Duration::from_secs(24 * 60 * 60))
    }

    /// Starts a program or a server again that doesn't run. A program may take its time until it is ready, but a server
    /// is waited for.
    ///
    /// # Errors
    /// When a server doesn't come back.
    pub async fn start(&self, name: &str) -> anyhow::Result<()> {
        self.forgets(name);
        self.cinema.lock().await.process(name).start()?;
        if matches!(name, NATS | DATABASE) { self.answers(name).await } else { Ok(()) }
    }

    async fn answers(&self, server: &str) -> anyhow::Result<()> {
        let mut looks = interval(LOOK);
        let answers = async {
            // One look at a time: harm to others goes on.
            while self.cinema.lock().await.process(server).ready(Duration::ZERO).await.is_err() {
                looks.tick().await;
            }
        };
        timeout(PATIENCE, answers).await.with_context(|| format!("{server} does not come back"))
    }

    /// Asks a program to drain, and kills it when that takes too long.
    pub async fn drain(&self, name: &str) {
        self.cinema.lock().await.process(name).drain();
        let mut looks = interval(LOOK);
        let ended = async {
            while !self.cinema.lock().await.process(name).has_ended() {
                looks.tick().await;
            }
        };
        if timeout(DRAIN, ended).await.is_err() {
            self.cinema.lock().await.process(name).kill().await;
        }
    }

    /// Starts programs again that ended though nobody harmed them, and tells their names, each time.
    ///
    /// # Errors
    /// When one can't be started.
    pub async fn revive(&self) -> anyhow::Result<Vec<String>> {
        let mut ended = Vec::new();
        let names = self.cinema.lock().await.names();
        for name in names {
            let turn = self.turn(&name);
            let Ok(_turn) = turn.try_lock() else { continue };
            if self.cinema.lock().await.process(&name).has_ended() {
                self.start(&name).await?;
                ended.push(name);
            }
        }
        Ok(ended)
    }

    /// A gateway that ends takes along what it remembers.
    fn forgets(&self, name: &str) {
        if let Some(gate) = self.gateways.iter().position(|gateway| gateway == name).and_then(|at| self.gates.get(at)) {
            gate.births.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.clocks.remove();
    }
}

/// Puts a program at the end of lines of its own, with a clock of its own.
fn fit(spec: &mut Spec, clocks: &Clocks, lines: &Lines) -> anyhow::Result<()> {
    for (variable, value) in &mut spec.environment {
        let server = match *variable {
            "NATS_URL" => NATS,
            "DATABASE_URL" => DATABASE,
            _ => continue,
        };
        let mut url: Url = value.parse()?;
        let line = Line::to(url.port().unwrap_or_default())?;
        let _ = url.set_port(Some(line.port()));
        *value = url.into();
        lock(lines).insert(format!("{} - {server}", spec.name), line);
    }
    spec.environment.extend(clocks.environment(&spec.name)?);
    spec.environment.push(("MARQUEE_LIMIT_BOOKING", "off".into()));
    Ok(())
}

/// Small disks in the place of the servers' stores.
fn mount(folder: &Path) -> BTreeMap<&'static str, Disk> {
    let mut disks = BTreeMap::new();
    for (server, store, size) in [(DATABASE, "database", DATABASE_DISK), (NATS, "nats", BROKER_DISK)] {
        match Disk::mount(&folder.join(store), size) {
            Ok(disk) => drop(disks.insert(server, disk)),
            Err(error) => eprintln!("NO DISK IS FILLED in this run: {error:#}"),
        }
    }
    disks
}

fn lock(lines: &Lines) -> std::sync::MutexGuard<'_, BTreeMap<String, Line>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}
