//! What HTTP alone costs on this machine: a process that answers every GET with the same JSON.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::load::Plan;
use super::measure::Times;
use super::results::Sample;
use super::workload::{self, Workload};
use crate::{healthcheck, ports};

/// How long to wait between two looks whether it answers.
const PAUSE: Duration = Duration::from_millis(10);

/// What the hidden command `bench-bare` is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where it answers
    listen: SocketAddr,
    /// How many bytes an answer has
    size: usize,
}

/// Answers until it is killed.
///
/// # Errors
/// When the address is taken.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let body = Bytes::from(format!("\"{}\"", "x".repeat(args.size.saturating_sub(2))));
    let answer = move || std::future::ready(([(CONTENT_TYPE, "application/json")], body.clone()));
    let listener = TcpListener::bind(args.listen).await?.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, Router::new().fallback(answer)).await?;
    Ok(())
}

/// Such a process, running. Dropped, it is killed.
pub(super) struct Bare {
    address: SocketAddr,
    child: Child,
}

impl Bare {
    /// Starts one whose answers have this many bytes.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn start(marquee: &Path, size: usize) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let mut command = Command::new(marquee);
        command.args(["bench-bare", &address.to_string(), &size.to_string()]).stdin(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().context("the bare server does not start")?;
        while healthcheck::run(&format!("http://{address}/")).await.is_err() {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("the bare server ended ({status})");
            }
            sleep(PAUSE).await;
        }
        Ok(Self { address, child })
    }

    /// Measures it as the systems are measured.
    ///
    /// # Errors
    /// When the load generator fails.
    pub(super) async fn measure(&self, connections: usize, times: &Times) -> anyhow::Result<Sample> {
        let Times { warm_up, seconds, .. } = *times;
        let (address, token, reads) = (self.address, String::new(), vec!["/".to_owned()]);
        let plan = Plan { address, token, connections, rate: None, warm_up, seconds, reads, writes: Vec::new() };
        let pids: Vec<u32> = self.child.id().into_iter().collect();
        Ok(Sample::of(Workload::Booking, &workload::take(&plan, &times.marquee, &pids).await?))
    }
}
