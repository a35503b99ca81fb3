//! Linux's timer slack: how much later than asked a thread's naps may end. A new process has that of the thread which
//! started it.

#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Context;

/// Starts a process with this slack; elsewhere than on Linux, with the usual one.
///
/// # Errors
/// When the process can't be started, or the slack can't be set.
pub(crate) fn with<T>(slack: Option<Duration>, start: impl FnOnce() -> std::io::Result<T>) -> anyhow::Result<T> {
    let before = slack.map(set).transpose().context("the timer slack can't be set")?;
    let started = start();
    before.map(set).transpose().context("the timer slack can't be set back")?;
    Ok(started?)
}

/// Sets the slack of this thread; what it was before.
#[cfg(target_os = "linux")]
fn set(slack: Duration) -> std::io::Result<Duration> {
    use rustix::thread::{current_timer_slack, set_current_timer_slack};
    let before = Duration::from_nanos(current_timer_slack()?);
    set_current_timer_slack(u64::try_from(slack.as_nanos()).ok().and_then(NonZeroU64::new))?;
    Ok(before)
}

#[cfg(not(target_os = "linux"))]
fn set(slack: Duration) -> std::io::Result<Duration> {
    Ok(slack)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_has_it_and_who_starts_it_keeps_its_own() {
        let slack = |slack| {
            let output =
                with(slack, || Command::new("cat").arg("/proc/self/timerslack_ns").output()).expect("a process");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let usual = slack(None);
        assert_eq!(slack(Some(Duration::from_millis(1))), "1000000");
        assert_eq!(slack(None), usual);
        assert!(with(Some(Duration::from_millis(1)), || Command::new("/no/such/program").spawn()).is_err());
        assert_eq!(slack(None), usual);
    }
}
