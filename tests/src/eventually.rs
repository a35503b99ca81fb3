//! Waiting for what is sure to come, without sleeping.

use std::time::Duration;

use tokio::time::{interval, timeout};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until there is something; fails the test when nothing comes.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = within(PATIENCE, look).await;
    found.unwrap_or_else(|| panic!("still waiting after {} s: {what}", PATIENCE.as_secs()))
}

/// Looks until there is something; `None` when nothing comes for so long.
pub(crate) async fn within<T>(patience: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let mut ticks = interval(PAUSE);
    let looking = async {
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    timeout(patience, looking).await.ok()
}
