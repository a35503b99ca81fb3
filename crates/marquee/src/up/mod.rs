//! `marquee up`: starts everything, keeps it running, and ends it in order.

mod admin;
mod message;
mod running;
mod stop;

use std::collections::BTreeMap;
use std::env;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use contracts::Service;
use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::folder::Folder;
use crate::guard::{Afterwards, Guard};
use crate::logs::say;
use crate::probe::Probe;
use crate::process::{Output, Process};
use crate::servers::{self, Database, Existing, Nats, NatsUrls, NatsUser};
use crate::services::{self, Surroundings};
use crate::token;
use message::Ready;
use running::{Running, Stage};
use stop::Stop;

/// How long a service may take until it is ready; migrations and catching up with the events are part of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `marquee up` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where REST and Swagger UI are served; port 0 is any that is free
    #[arg(long, env = "MARQUEE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Where the private servers keep their data
    #[arg(long, env = "MARQUEE_DATA_DIR", default_value = ".marquee", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// An existing nats-server with JetStream, instead of a private one. All programs sign in there with what this URL
    /// says; where each is to be a user of its own, start them one by one
    #[arg(long, env = "NATS_URL", value_name = "nats://USER:PASSWORD@HOST:PORT", hide_env_values = true)]
    nats_url: Option<String>,
    /// An existing MariaDB or MySQL server, instead of a private one. Its databases marquee_users, marquee_movies and
    /// marquee_bookings are used, and made if they are missing
    #[arg(long, env = "DATABASE_URL", value_name = "mysql://USER:PASSWORD@HOST:PORT", hide_env_values = true)]
    database_url: Option<String>,
}

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
/// In words, when it can't start everything.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut stop = Stop::listen()?;
    let programs = services::programs()?;
    let (folder, listen, guard) = tokio::select! {
        opened = open(&args, &programs) => opened?,
        () = stop.wait() => return Ok(()),
    };

    let mut running = Running::default();
    let started = tokio::select! {
        started = start(&args, listen, &folder, programs, &mut running) => started.map(Some),
        () = stop.wait() => Ok(None),
    };
    if let Ok(Some(password)) = &started {
        let cli = args.nats_url.is_none().then(|| servers::cli_folder(folder.path()));
        let ready = Ready { listen, cli: cli.as_deref(), data_dir: &args.data_dir, password: password.as_deref() };
        ready.say(began.elapsed());
        stop.wait().await;
    }
    if started.is_ok() {
        say("draining; another Ctrl-C ends everything at once");
    }
    tokio::select! {
        () = running.drain() => {}
        () = stop.wait() => say("ended at once; the stores recover at the next start"),
    }
    drop(running);
    guard.end().await;
    started.map(drop)
}

/// Takes what can only be had once: the data folder and the address.
async fn open(args: &Args, programs: &Path) -> anyhow::Result<(Folder, SocketAddr, Guard)> {
    let folder = Folder::open(&args.data_dir).await?;
    let address = args.listen;
    // Tried before anything is started, and left to the gateway.
    let listener = TcpListener::bind(address).with_context(|| {
        format!(
            "cannot listen on {address}; --listen (or MARQUEE_LISTEN) takes another address, such as 127.0.0.1:8081"
        )
    })?;
    let listen = listener.local_addr()?;
    let guard = Guard::start(&programs.join("marquee"), folder.path(), Afterwards::Keep).await?;
    Ok((folder, listen, guard))
}

/// Starts everything; returns when all is ready, with the first admin's password if there is one now.
async fn start(
    args: &Args,
    listen: SocketAddr,
    folder: &Folder,
    programs: PathBuf,
    running: &mut Running,
) -> anyhow::Result<Option<String>> {
    let ((nats_urls, nats), (database_urls, database)) =
        tokio::try_join!(start_nats(args, folder), start_database(args, folder))?;
    for server in [nats, database].into_iter().flatten() {
        running.keep(Stage::Servers, server);
    }
    let operator = nats_urls.get(&NatsUser::Operator).cloned().unwrap_or_default();
    // An own secret of the environment's comes first, as for the gateway.
    let token_secrets = env::var(token::VARIABLE).or_else(|_| folder.token_secrets())?;
    let around = Surroundings { programs, nats_urls, token_secrets, database_urls, output: Output::Terminal };
    let mut specs = vec![(Stage::Gateway, around.gateway(listen, services::GATEWAY)?)];
    for service in Service::ALL {
        specs.push((Stage::Services, around.service(service, service.name())?));
    }
    let ready = specs.into_iter().map(|(stage, spec)| async move {
        let process = start_one(Process::new(spec, folder), PATIENCE).await?;
        anyhow::Ok((stage, process))
    });
    for (stage, process) in try_join_all(ready).await? {
        running.keep(stage, process);
    }
    admin::first(folder, &operator).await
}

async fn start_nats(args: &Args, folder: &Folder) -> anyhow::Result<(NatsUrls, Option<Process>)> {
    if let Some(url) = &args.nats_url {
        // The services would wait for it as long as it takes.
        Probe::Nats(url.clone()).ask().await.context("the existing nats-server can't be reached")?;
        return Ok((NatsUser::ALL.map(|user| (user, url.clone())).into(), None));
    }
    let nats = Nats::prepare(folder)?;
    let urls = nats.urls().clone();
    Ok((urls, Some(start_one(nats.process, servers::PATIENCE).await?)))
}

type DatabaseUrls = BTreeMap<Service, String>;

async fn start_database(args: &Args, folder: &Folder) -> anyhow::Result<(DatabaseUrls, Option<Process>)> {
    if let Some(url) = &args.database_url {
        return Ok((Existing::new(url)?.prepare().await?, None));
    }
    let database = Database::prepare(folder).await?;
    let urls = database.urls().clone();
    Ok((urls, Some(start_one(database.process, servers::PATIENCE).await?)))
}

async fn start_one(mut process: Process, patience: Duration) -> anyhow::Result<Process> {
    process.start()?;
    process.ready(patience).await?;
    Ok(process)
}
