//! Where the running system is, and how one gets in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream;
use contracts::Service;
use indicatif::{ProgressBar, ProgressStyle};
use runtime::broker::sign_in;
use runtime::database::{Connection, StoreError};
use runtime::inspection;
use tokio::time::{Instant, sleep};

use crate::servers::{self, Existing};

/// How often to look for what is to come.
const PAUSE: Duration = Duration::from_millis(50);

/// What an audit needs, shared by all checks.
#[derive(Clone)]
pub(super) struct Around {
    urls: BTreeMap<Service, String>,
    pub(super) nats: async_nats::Client,
    pub(super) jetstream: jetstream::Context,
    /// How long what is behind may take to arrive.
    pub(super) patience: Duration,
    pub(super) bar: ProgressBar,
}

/// Which servers.
pub(super) struct Servers<'a> {
    pub(super) data_dir: &'a PathBuf,
    pub(super) nats_url: Option<&'a str>,
    pub(super) database_urls: &'a [String],
}

impl Around {
    /// # Errors
    /// In words, when the servers aren't known or the broker doesn't let us in.
    pub(super) async fn find(servers: Servers<'_>, patience: Duration) -> anyhow::Result<Self> {
        let urls = match servers.database_urls {
            [] => servers::running_databases(servers.data_dir)?,
            urls => Existing::databases(urls)?,
        };
        let url = servers.nats_url.map_or_else(|| servers::running_nats(servers.data_dir), |url| Ok(url.to_owned()))?;
        let (address, options) = sign_in(&url).context("the NATS server's URL")?;
        let connected = options.name("marquee-verify").connect(address).await;
        let nats = connected.context("the NATS server doesn't let us in; does Marquee run?")?;
        let jetstream = jetstream::new(nats.clone());
        Ok(Self { urls, nats, jetstream, patience, bar: bar() })
    }

    /// A connection that sees each service's store at each moment.
    pub(super) async fn connect(&self, service: Service) -> Result<Connection, StoreError> {
        inspection::connect(self.url(service)).await
    }

    /// A connection that sees a service's store as it is now.
    pub(super) async fn snapshot(&self, service: Service) -> Result<Connection, StoreError> {
        inspection::snapshot(self.url(service)).await
    }

    fn url(&self, service: Service) -> &str {
        self.urls.get(&service).map_or("", String::as_str)
    }

    /// Begins to wait.
    pub(super) fn patience(&self) -> Patience {
        Patience { deadline: Instant::now() + self.patience }
    }

    /// Looks until it's so, but only as long as our patience lasts; whether it is.
    pub(super) async fn eventually(&self, mut look: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<bool> {
        let patience = self.patience();
        loop {
            if look().await? {
                return Ok(true);
            }
            if !patience.lasts().await {
                return Ok(false);
            }
        }
    }
}

/// How long we wait.
pub(super) struct Patience {
    deadline: Instant,
}

impl Patience {
    /// Waits a little; false when the time is over.
    pub(super) async fn lasts(&self) -> bool {
        let now = Instant::now();
        sleep(PAUSE.min(self.deadline.saturating_duration_since(now))).await;
        now < self.deadline
    }
}

/// Nothing is drawn where nobody looks: when standard error isn't a terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:50.cyan} {percent:>3} %, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
