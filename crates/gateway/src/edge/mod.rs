//! Where the gateway meets the network: connections and their bounds, TLS, whom a proxy forwards for, what browsers are
//! told, how often somebody may ask for what.
//!
//! [`connections`] takes a connection in, behind [`tls`] if there is a certificate, and tells every request its
//! [`ClientAddress`]. [`bodies`] have only so much room. [`browsers`] is around every answer. [`Limits`] are asked by the
//! handlers whose work is dear.

mod bodies;
mod browsers;
mod connections;
mod limits;
mod proxies;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use ipnet::IpNet;

pub(crate) use bodies::Bodies;
pub use browsers::Browsers;
pub use connections::{Connections, listen};
pub use limits::LimitArgs;
pub(crate) use limits::{Caller as Limited, Limit, Limits, network};
pub(crate) use proxies::ClientAddress;

/// What the gateway can be told about connections and callers.
#[derive(Clone, Debug, clap::Args)]
pub struct EdgeArgs {
    /// A file with the certificate chain (PEM): what is answered is HTTPS, then
    #[arg(long, env = "MARQUEE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The file with the certificate's private key (PEM)
    #[arg(long, env = "MARQUEE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Proxies in front of the gateway, by address or network: who comes through one of them has the address that the
    /// proxy wrote into X-Forwarded-For. Nobody else is believed
    #[arg(long, env = "MARQUEE_TRUSTED_PROXIES", value_name = "NETWORK,…", value_delimiter = ',',
        value_parser = proxies::network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins such as https://cinema.example whose pages may use the API from a browser; none without it
    #[arg(long, env = "MARQUEE_CORS_ORIGINS", value_name = "ORIGIN,…", value_delimiter = ',',
        value_parser = browsers::origin)]
    pub cors_origins: Vec<HeaderValue>,
    /// Open connections at a time; more wait
    #[arg(long, env = "MARQUEE_MAX_CONNECTIONS", value_name = "NUMBER", default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// Seconds after which a connection is closed on which no whole head of a request came. A proxy in front should give
    /// up idle connections sooner
    #[arg(long, env = "MARQUEE_IDLE_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub idle_timeout: Duration,
    /// Seconds after which a connection is closed whose client takes nothing of what it is sent
    #[arg(long, env = "MARQUEE_UNREAD_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub unread_timeout: Duration,
}

/// Some seconds, at most an hour.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) if (1..=3600).contains(&seconds) => Ok(Duration::from_secs(seconds.into())),
        _ => Err("must be 1 to 3600".into()),
    }
}
