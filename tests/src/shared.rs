//! One cinema for all tests of a file.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

use crate::Cinema;

/// The runtime that the cinema's clients belong to must outlive each test. Neither is ever dropped: the cinema ends
/// with this process, because its guard notices that.
static SHARED: LazyLock<(Runtime, Cinema)> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let cinema = runtime.block_on(Cinema::start());
    (runtime, cinema)
});

/// Runs a test on the cinema that all tests of a file share. It can't be killed or wiped, and what is in it may be
/// somebody else's.
pub fn on_shared_cinema(test: impl AsyncFnOnce(&Cinema)) {
    let (runtime, cinema) = &*SHARED;
    let _log_on_failure = LogsOnFailure(cinema);
    runtime.block_on(test(cinema));
}

struct LogsOnFailure<'a>(&'a Cinema);

impl Drop for LogsOnFailure<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.print_logs();
        }
    }
}
