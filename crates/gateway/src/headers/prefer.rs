//! `Prefer` (RFC 7240): how long the caller wants to wait for what becomes of a command.

use std::time::Duration;

/// How long a command's outcome is waited for unless the caller says otherwise.
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_secs(10);
/// The longest wait that is granted.
const LONGEST_WAIT: u64 = 60;

/// The preferences that are honoured; all others are ignored, as the RFC wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    respond_async: bool,
    /// Seconds.
    wait: Option<u64>,
}

impl Prefer {
    /// Reads the header. Where a preference is there twice, the first one counts.
    pub(crate) fn parse(text: &str) -> Self {
        let mut prefer = Self::default();
        for preference in text.split(',') {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "respond-async" => prefer.respond_async = true,
                "wait" if prefer.wait.is_none() => {
                    let seconds: Option<u64> = value.trim().trim_matches('"').parse().ok();
                    prefer.wait = seconds.map(|seconds| seconds.min(LONGEST_WAIT));
                }
                _ => {}
            }
        }
        prefer
    }

    /// True when the caller would rather be told where to look than that it could not be done in time.
    pub(crate) fn accepts_later(&self) -> bool {
        self.respond_async || self.wait.is_some()
    }

    /// How long to wait for the outcome.
    pub(crate) fn wait(&self) -> Duration {
        match self.wait {
            Some(seconds) => Duration::from_secs(seconds),
            None if self.respond_async => Duration::ZERO,
            None => DEFAULT_WAIT,
        }
    }

    /// What `Preference-Applied` says.
    pub(crate) fn applied(&self) -> Option<String> {
        let wait = self.wait.map(|seconds| format!("wait={seconds}"));
        let respond_async = self.respond_async.then(|| "respond-async".to_owned());
        let applied: Vec<String> = respond_async.into_iter().chain(wait).collect();
        (!applied.is_empty()).then(|| applied.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_as_rfc_7240_says() {
        let cases = [
            ("", false, None),
            ("respond-async", true, None),
            ("Respond-Async, wait=5", true, Some(5)),
            ("wait = \"7\"", false, Some(7)),
            ("wait=3, wait=9", false, Some(3)),
            ("return=minimal; foo=\"some, thing\", wait=2;x=1", false, Some(2)),
            ("wait=never", false, None),
            ("wait=-1", false, None),
            ("wait=3600", false, Some(60)),
        ];
        for (text, respond_async, wait) in cases {
            assert_eq!(Prefer::parse(text), Prefer { respond_async, wait }, "{text}");
        }
    }

    #[test]
    fn an_asynchronous_caller_does_not_wait_unless_they_say_so() {
        assert_eq!(Prefer::default().wait(), DEFAULT_WAIT);
        assert_eq!(Prefer::parse("respond-async").wait(), Duration::ZERO);
        assert_eq!(Prefer::parse("respond-async, wait=4").wait(), Duration::from_secs(4));
        assert!(!Prefer::parse("handling=strict").accepts_later());
        assert_eq!(Prefer::parse("wait=99, respond-async").applied().unwrap(), "respond-async, wait=60");
        assert_eq!(Prefer::default().applied(), None);
    }
}
