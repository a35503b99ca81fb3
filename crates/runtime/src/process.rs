//! What every process of ours does at its start and its end: arguments, logs, the broker, signals.

use std::env;
use std::fs;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::broker;
use crate::database::backoff;
use crate::figures::Figures;
use crate::health::Health;

/// For all programs that use this crate. A sixth of the processor time of a booking was the C library's `malloc`, which
/// joins and splits what whole batches give back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the broker may take to answer a request of JetStream's. An answer that is lost with a broker that dies is
/// waited for as long, and what comes back should be noticed at once.
const ANSWER: Duration = Duration::from_secs(3);
/// How often to ask the broker whether it is still there. When it leaves two of these unanswered, it is away, although
/// its machine may only stand still.
const PING: Duration = Duration::from_secs(2);
/// From this attempt to reconnect on, pauses don't grow any more.
const RECONNECT: u32 = 4;

/// What every process can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct CommonArgs {
    /// The NATS server. With a password in it, better in the environment, where other users can't see it
    #[arg(
        long,
        env = "NATS_URL",
        default_value = "nats://127.0.0.1:4222",
        value_name = "nats://USER:PASSWORD@HOST:PORT",
        hide_env_values = true
    )]
    pub nats_url: String,
    /// A file with the seed of an nkey, to sign in with instead of a password; the URL still names the user
    #[arg(long, env = "NATS_NKEY_FILE", value_name = "FILE")]
    pub nats_nkey_file: Option<PathBuf>,
    /// Where to answer GET /healthz, /readyz and /metrics; nowhere without it
    #[arg(long, env = "MARQUEE_HEALTH_LISTEN", value_name = "ADDRESS:PORT")]
    pub health_listen: Option<SocketAddr>,
}

/// What every service can be told.
#[derive(Clone, Debug, clap::Parser)]
pub struct ServiceArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help text of the command")]
    pub common: CommonArgs,
    /// The service's own MySQL or MariaDB database
    #[arg(long, env = "DATABASE_URL", value_name = "mysql://USER:PASSWORD@HOST:PORT/DATABASE", hide_env_values = true)]
    pub database_url: String,
    /// How long what became of a command is kept, at least a day: as long as an Idempotency-Key is good for
    #[arg(long, env = "MARQUEE_KEEP_OUTCOMES", value_name = "TIME", default_value = "30days", value_parser = days)]
    pub keep_outcomes: Duration,
    /// How long dead letters are kept, where the first one is still to come: who makes their stream decides
    #[arg(long, env = "MARQUEE_KEEP_DEAD_LETTERS", value_name = "TIME", default_value = "90days", value_parser = days)]
    pub keep_dead_letters: Duration,
}

/// A time of at least a day, such as `30days` or `36h`.
fn days(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let in_range = (Duration::from_secs(24 * 60 * 60)..Duration::from_secs(100 * 365 * 24 * 60 * 60)).contains(&time);
    if in_range { Ok(time) } else { Err("must be at least a day, and less than 100 years".into()) }
}

/// Logs go to standard error; RUST_LOG says how much, by default what matters to an operator.
pub fn init_logs() {
    let wanted = env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty()).and_then(|wanted| wanted.parse().ok());
    let default = || Targets::new().with_default(Level::INFO).with_target("async_nats", Level::WARN);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Told on standard error, which panics when nobody reads it any more: then the log ends, and the work goes on.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(lines).with(wanted.unwrap_or_else(default)).init();
}

/// Connects to the broker, and waits for it as long as it takes.
///
/// # Errors
/// When the URL is none of a NATS server, the nkey can't be read, or `shutdown` comes first.
pub async fn connect(
    args: &CommonArgs,
    name: &str,
    shutdown: &CancellationToken,
) -> anyhow::Result<async_nats::Client> {
    let seed = args.nats_nkey_file.as_ref().map(fs::read_to_string).transpose().context("NATS_NKEY_FILE")?;
    let mut tried = 0;
    loop {
        let (address, mut options) = broker::sign_in(&args.nats_url).context("NATS_URL")?;
        if let Some(seed) = &seed {
            options = options.nkey(seed.trim().to_owned());
        }
        let server = format!("{}:{}", address.host(), address.port());
        let options =
            options.name(name).ping_interval(PING).request_timeout(Some(ANSWER)).reconnect_delay_callback(|attempt| {
                // Never capped, because jitter would be cut off: up to 320 ms, so that a broker is found as soon as it is back.
                backoff(u32::try_from(attempt).unwrap_or(u32::MAX).min(RECONNECT))
            });
        let error = match options.connect(address).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        tried += 1;
        tracing::warn!(%error, server, "the broker does not answer yet");
        tokio::select! {
            () = tokio::time::sleep(backoff(tried)) => {}
            () = shutdown.cancelled() => anyhow::bail!("stopped before the broker answered"),
        }
    }
}

/// Serves the health pages where the arguments say. Without an address, nothing is counted.
///
/// # Errors
/// When the address is taken.
pub async fn serve_health(
    args: &CommonArgs,
    program: &'static str,
    health: Health,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if let Some(address) = args.health_listen {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        tokio::spawn(health.serve(listener, Figures::start(program)?, shutdown));
    }
    Ok(())
}

/// Runs a service, on half as many threads as there are processors. It decides one batch after the other and mostly waits
/// for others, who run on the same machine; and threads wake each other up for each message. On two processors, one thread
/// instead of two made a lone booking's latency 0.86 of what it was, and 1.07 times the bookings of 256 connections.
pub fn run_service(service: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let threads = available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    exit_code(runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(service)))
}

/// How a program ends: what went wrong is said in one line, whoever reads the log.
pub fn exit_code(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Takes all the open files that this process may have: usually only 1024 are meant for it until it asks, and each
/// connection is one.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, ?limit, "the limit of open files stays");
    }
}

/// Cancelled at SIGTERM or Ctrl-C.
pub fn shutdown_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => {}
                _ = signal::ctrl_c() => {}
            },
            Err(_) => drop(signal::ctrl_c().await),
        }
        tracing::info!("draining");
        cancel.cancel();
    });
    token
}
