//! What systems did that were broken on purpose; `tests/histories/README.md` tells how each was broken and recorded.

use std::collections::BTreeSet;

use system_tests::chaos::check::Invariant::{self, Projections, Reactions, Reads, Taken, Verify};
use system_tests::chaos::check::check;

use crate::histories::read;

/// The checker finds these invariants broken, and no other.
fn broke(name: &str, invariants: &[Invariant]) {
    let verdict = check(&read(name));
    let found: BTreeSet<Invariant> = verdict.findings.iter().map(|finding| finding.invariant).collect();
    assert_eq!(found, invariants.iter().copied().collect(), "{name}: {verdict}");
    assert!(verdict.findings.iter().all(|finding| !finding.what.is_empty()), "{name}: {verdict}");
}

#[test]
fn commands_that_are_acknowledged_before_they_are_committed_are_found_to_be_lost() {
    broke("acknowledged-first", &[Taken]);
}

#[test]
fn bookings_that_nothing_keeps_out_of_a_cancelled_showtime_are_found() {
    broke("without-fence", &[Reactions, Verify]);
}

#[test]
fn a_projection_that_skips_an_event_is_found() {
    broke("skipped-event", &[Projections, Reads, Verify]);
}
