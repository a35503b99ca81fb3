//! How to tell from outside that a process is ready.

use std::time::Duration;

use anyhow::bail;
use diesel_async::{AsyncConnection, AsyncMysqlConnection};
use tokio::time::timeout;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a ready process answers.
#[derive(Clone, Debug)]
pub enum Probe {
    /// Nothing: it is ready as soon as it runs.
    None,
    /// A GET of this URL: 200.
    Http(String),
    /// Clients of NATS at this URL.
    Nats(String),
    /// Clients of MySQL at this URL.
    Database(String),
}

impl Probe {
    /// Asks once.
    ///
    /// # Errors
    /// In words, why it isn't ready.
    pub async fn ask(&self) -> anyhow::Result<()> {
        match timeout(PATIENCE, self.attempt()).await {
            Ok(answer) => answer,
            Err(_) => bail!("no answer"),
        }
    }

    async fn attempt(&self) -> anyhow::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Http(url) => crate::healthcheck::run(url).await,
            Self::Nats(url) => {
                let (address, options) = runtime::broker::sign_in(url)?;
                options.connect(address).await?;
                Ok(())
            }
            Self::Database(url) => {
                AsyncMysqlConnection::establish(url).await?;
                Ok(())
            }
        }
    }
}
