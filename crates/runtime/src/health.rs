//! Whether a process is alive, can do its work, and how it does: `/healthz`, `/readyz` and `/metrics`.
//!
//! Ready means that what this process is asked now it can do now. One that only lags behind is ready, and says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use crate::figures::Figures;

/// How often the connection to the broker is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// What has to be well for the process to be ready, by name.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<Mutex<BTreeMap<String, Condition>>>,
}

/// How one thing is.
enum Condition {
    /// Well; perhaps there is something to say about it.
    Well(Option<String>),
    /// Not well, and why.
    Ill(String),
    /// Well as long as signs of life come this often.
    Beating { last: Instant, limit: Duration },
}

/// One thing that has to be well.
#[derive(Clone)]
pub struct Check {
    health: Health,
    name: String,
}

/// A loop that has to come round.
#[derive(Clone)]
pub(crate) struct Pulse {
    check: Check,
    limit: Duration,
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

    /// Adds a loop that gives a sign of life each time it comes round, and is not well when none came for `limit`.
    pub(crate) fn pulse(&self, name: impl Into<String>, limit: Duration) -> Pulse {
        let pulse = Pulse { check: Check { health: self.clone(), name: name.into() }, limit };
        pulse.beat();
        pulse
    }

    /// Adds the connection to the broker, and looks at it from now on.
    pub fn watch_broker(&self, nats: async_nats::Client) {
        let broker = self.check("broker");
        tokio::spawn(async move {
            let mut look = interval(LOOK);
            loop {
                look.tick().await;
                broker.set(match nats.connection_state() {
                    async_nats::connection::State::Connected => Ok(()),
                    state => Err(state.to_string()),
                });
            }
        });
    }

    /// Serves the three pages until `shutdown`.
    ///
    /// # Errors
    /// When the socket fails.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        figures: Figures,
        shutdown: CancellationToken,
    ) -> std::io::Result<()> {
        // The text format of Prometheus.
        let metrics = move || async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], figures.text()) };
        let app = Router::new()
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .with_state(self)
            .route("/metrics", get(metrics));
        axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
    }

    fn checks(&self) -> MutexGuard<'_, BTreeMap<String, Condition>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.put(match state {
            Ok(()) => Condition::Well(None),
            Err(reason) => Condition::Ill(reason),
        });
    }

    /// Says that it is well enough, and what somebody who looks should know.
    pub(crate) fn note(&self, remark: String) {
        self.put(Condition::Well(Some(remark)));
    }

    fn put(&self, condition: Condition) {
        self.health.checks().insert(self.name.clone(), condition);
    }
}

impl Pulse {
    /// Gives a sign of life.
    pub(crate) fn beat(&self) {
        self.check.put(Condition::Beating { last: Instant::now(), limit: self.limit });
    }
}

impl Condition {
    /// Well, or what is the matter; and what there is to say.
    fn told(&self) -> (bool, String) {
        match self {
            Self::Well(None) => (true, "ok".into()),
            Self::Well(Some(remark)) => (true, format!("ok, but {remark}")),
            Self::Ill(reason) => (false, reason.clone()),
            Self::Beating { last, limit } if last.elapsed() < *limit => (true, "ok".into()),
            Self::Beating { last, .. } => (false, format!("no sign of life for {} s", last.elapsed().as_secs())),
        }
    }
}

/// 200 when all is well, else 503; a line for each check.
async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    let (mut lines, mut well) = (String::new(), true);
    for (name, condition) in health.checks().iter() {
        let (is_well, told) = condition.told();
        well &= is_well;
        // A line each: what a store or the broker said may be several.
        lines += &format!("{name}: {}\n", told.replace(['\r', '\n'], " "));
    }
    (if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_lags_is_ready_and_who_is_ill_or_still_is_not() {
        let health = Health::new();
        health.check("lag").note("5 behind".into());
        health.pulse("loop", Duration::from_secs(60)).beat();
        let found = ready(State(health.clone())).await;
        assert_eq!(found, (StatusCode::OK, "lag: ok, but 5 behind\nloop: ok\n".into()));
        health.check("store").set(Err("a\nway".into()));
        health.pulse("loop", Duration::ZERO).beat();
        let found = ready(State(health)).await;
        let lines = "lag: ok, but 5 behind\nloop: no sign of life for 0 s\nstore: a way\n";
        assert_eq!(found, (StatusCode::SERVICE_UNAVAILABLE, lines.into()));
    }
}
