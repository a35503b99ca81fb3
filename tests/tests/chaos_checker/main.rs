//! The checker of chaos runs: a run without harm is found clean, and whatever is done to its history is found; so is what
//! systems did that were broken on purpose.

mod calm;
mod commands;
mod ending;
mod histories;
mod journals;
mod reads;

use std::fs;

use system_tests::chaos::check::check;
use system_tests::on_shared_cinema;

/// Calls of the calm run: few, since the history is kept.
const CALLS: usize = 150;

#[test]
fn a_run_that_nobody_harms_is_clean() {
    on_shared_cinema(async |cinema| {
        let history = calm::run(cinema, CALLS).await;
        let verdict = check(&history);
        assert!(verdict.is_good(), "{verdict}");
        assert!(verdict.counts.values().any(|count| count.acknowledged > 0), "{verdict}");
        if std::env::var_os("RECORD_HISTORIES").is_some() {
            let text = serde_json::to_string(&histories::with_few_seat_maps(history)).expect("JSON");
            fs::write(histories::path("calm"), text).expect("written");
        }
    });
}

#[test]
fn the_history_that_the_other_tests_spoil_is_clean() {
    let verdict = check(&histories::read("calm"));
    assert!(verdict.is_good(), "{verdict}");
}
