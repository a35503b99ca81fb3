//! Whether a process is alive and can do its work, over HTTP: `/healthz` and `/readyz`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What has to be well for the process to be ready, by name.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
}

/// One thing that has to be well.
#[derive(Clone)]
pub struct Check {
    health: Health,
    name: String,
}

impl Health {
    /// Without any check, which is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, which is not well until it says so.
    pub fn check(&self, name: impl Into<String>) -> Check {
        let check = Check { health: self.clone(), name: name.into() };
        check.set(Err("starting".into()));
        check
    }

    /// Serves both pages until `shutdown`.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        let app =
            Router::new().route("/healthz", get(async || "alive\n")).route("/readyz", get(ready)).with_state(self);
        axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
    }
}

impl Check {
    /// Says what is the matter, and that it is tried again. It is logged when it lasts, and then now and again: what is
    /// over after a try or two, such as a stream that is still being made, is nobody's worry.
    pub(crate) fn trouble(&self, failures: u32, reason: &str) {
        if failures.is_power_of_two() && failures > 2 {
            tracing::warn!(check = self.name, failures, "{reason}; trying again");
        }
        self.set(Err(reason.to_owned()));
    }

    /// Says whether it is well, or what is the matter.
    pub fn set(&self, state: Result<(), String>) {
        self.health.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name.clone(), state);
    }
}

/// 200 when all is well, else 503; a line for each check.
async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    let checks = health.checks.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = checks.iter().map(|(name, state)| match state {
        Ok(()) => format!("{name}: ok\n"),
        Err(reason) => format!("{name}: {reason}\n"),
    });
    let well = checks.values().all(Result::is_ok);
    (if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, lines.collect())
}
