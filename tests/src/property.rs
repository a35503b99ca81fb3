//! Laws of a running system: proptest against real servers.

use std::fmt::Debug;

use proptest::prelude::{ProptestConfig, Strategy};
use proptest::test_runner::{TestCaseError, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Checks a law for so many cases; a case that breaks it is made as small as it can be, and then fails the test.
pub fn holds_for<T: Debug>(cases: u32, any: impl Strategy<Value = T>, law: impl AsyncFn(T) -> Result<(), String>) {
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() };
    let law = |case| block_in_place(|| Handle::current().block_on(law(case))).map_err(TestCaseError::fail);
    if let Err(error) = TestRunner::new(config).run(&any, law) {
        panic!("{error}");
    }
}
