//! REST, as the command line uses it: which gateway, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use contracts::Role;
use reqwest::{Client, Method, RequestBuilder};

use crate::token;

/// How long one answer may take; the gateway gives up after 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which gateway, and as whom.
#[derive(Clone, Debug, clap::Args)]
pub struct RestArgs {
    /// The gateway
    #[arg(long, env = "MARQUEE_URL", default_value = "http://127.0.0.1:8080", value_name = "URL", global = true)]
    url: String,
    /// An admin's token; without one, the data folder's secrets sign one
    #[arg(long, env = "MARQUEE_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// The data folder, where there is no token
    #[arg(long, env = "MARQUEE_DATA_DIR", default_value = ".marquee", value_name = "FOLDER", global = true)]
    data_dir: PathBuf,
}

/// A client of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Rest {
    /// For an admin.
    ///
    /// # Errors
    /// In words, when there is neither a token nor a secret to sign one.
    pub(crate) fn new(args: RestArgs) -> anyhow::Result<Self> {
        let token = args.token.map_or_else(|| token::brief(&args.data_dir, Role::Admin), Ok)?;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, base: args.url.trim_end_matches('/').to_owned(), token: Some(token) })
    }

    /// The same without a token.
    pub(crate) fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The gateway's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A request to a path such as `/api/movies`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// What to say of a gateway that nobody reaches.
    pub(crate) fn nobody<T>(&self, sent: reqwest::Result<T>) -> anyhow::Result<T> {
        sent.with_context(|| format!("nothing answers at {}; does marquee up run?", self.base))
    }
}
