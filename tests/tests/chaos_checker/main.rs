//! The checker of chaos runs: a run without harm is found clean, and whatever is done to its history is found; so is what
//! systems did that were broken on purpose.

mod calm;
mod commands;
mod ending;
mod histories;
mod journals;
mod race;
mod reads;
mod recorded;
mod setting;

use system_tests::chaos::check::check;
use system_tests::on_shared_cinema;

/// Calls of the calm run: enough for all that the other tests look for in its history.
const CALLS: usize = 230;
/// Showtimes that are booked while they are cancelled.
const SHOWTIMES: u32 = 8;

#[test]
fn a_run_that_nobody_harms_is_clean() {
    on_shared_cinema(async |cinema| {
        let history = calm::run(cinema, CALLS).await;
        let verdict = check(&history);
        assert!(verdict.is_good(), "{verdict}");
        assert!(verdict.counts.values().any(|count| count.acknowledged > 0), "{verdict}");
        if std::env::var_os("RECORD_HISTORIES").is_some() {
            histories::write("calm", &history);
        }
    });
}

#[tokio::test]
async fn no_booking_is_left_when_a_replica_decides_late_and_its_showtime_is_cancelled() {
    let history = race::run(SHOWTIMES).await;
    let verdict = check(&history);
    if std::env::var_os("RECORD_HISTORIES").is_some() && !verdict.is_good() {
        histories::write("without-fence", &history);
    }
    assert!(verdict.is_good(), "{verdict}");
}

#[test]
fn the_history_that_the_other_tests_spoil_is_clean() {
    let verdict = check(&histories::read("calm"));
    assert!(verdict.is_good(), "{verdict}");
}
