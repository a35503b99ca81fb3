//! Processes that are kept running until they are drained.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::logs::say;
use crate::process::Process;

/// How long the processes of each stage get to drain: the three stages together stay under 10 s.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause before a process is started again; it doubles each time, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Who ran this long begins again with the shortest pause.
const HEALTHY: Duration = Duration::from_secs(30);

/// In which order the processes are drained: first who takes requests in, last what the others stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// REST.
    Gateway,
    /// Users, movies, bookings.
    Services,
    /// The broker and the stores.
    Servers,
}

/// All that runs. Dropped, it kills what was not drained.
#[derive(Default)]
pub(super) struct Running {
    kept: Vec<(Stage, CancellationToken, JoinHandle<()>)>,
}

impl Running {
    /// Keeps a process running: when it ends, it is started again.
    pub(super) fn keep(&mut self, stage: Stage, process: Process) {
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep(process, stop.clone()));
        self.kept.push((stage, stop, task));
    }

    /// Drains all, stage by stage.
    pub(super) async fn drain(&mut self) {
        self.kept.sort_by_key(|(stage, ..)| *stage);
        for stage in self.kept.chunk_by_mut(|(a, ..), (b, ..)| a == b) {
            stage.iter().for_each(|(_, stop, _)| stop.cancel());
            join_all(stage.iter_mut().map(|(.., task)| task)).await;
        }
        self.kept.clear();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kept.iter().for_each(|(.., task)| task.abort());
    }
}

async fn keep(mut process: Process, stop: CancellationToken) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let began = Instant::now();
        let end = tokio::select! {
            end = run(&mut process) => end,
            () = stop.cancelled() => break,
        };
        if began.elapsed() >= HEALTHY {
            pause = SHORTEST_PAUSE;
        }
        say(&format!("{} {end}; it is started again in {} ms", process.name(), pause.as_millis()));
        tokio::select! {
            () = sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
            () = stop.cancelled() => break,
        }
    }
    if !process.stop(PATIENCE).await {
        say(&format!("{} did not drain within {} s and was killed", process.name(), PATIENCE.as_secs()));
    }
}

/// Starts it, unless it runs already, and waits until it ends; tells how that came.
async fn run(process: &mut Process) -> String {
    if process.id().is_none()
        && let Err(error) = process.start()
    {
        return format!("does not start: {error:#}");
    }
    match process.ended().await {
        Ok(status) => format!("ended ({status})"),
        Err(error) => format!("was lost sight of ({error})"),
    }
}
