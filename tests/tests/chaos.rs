//! A short chaos run with a fixed seed: a minute and a half of harm of every kind, and nothing is lost or happens twice.

use std::fs;
use std::path::Path;
use std::process::Command;

use contracts::bookings::BookingCommand;
use contracts::movies::MovieCommand;
use contracts::users::UserCommand;
use contracts::{CommandSet, Service};
use system_tests::chaos::plan::Harmful;
use system_tests::chaos::summary::Summary;

/// Harm is done at least so often.
const HARMS: usize = 60;

#[test]
fn whatever_is_harmed_nothing_is_lost_and_nothing_happens_twice() {
    // By the program that an operator runs, which gets mounts of its own for small disks. What it keeps stays until the
    // next time.
    let keep = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos");
    let _ = fs::remove_dir_all(&keep);
    let mut chaos = Command::new(env!("CARGO_BIN_EXE_chaos"));
    let ended = chaos.args(["--minutes", "1.5", "--seed", "1", "--keep"]).arg(&keep).status().expect("a run");
    let summary = fs::read(keep.join("summary.json")).expect("a run that comes to its end");
    let summary: Summary = serde_json::from_slice(&summary).expect("a summary");
    assert!(ended.success() && summary.is_good(), "{summary}\nin {}", keep.display());

    let times = |kind: &str| summary.harms.get(kind).copied().unwrap_or(0);
    assert!(summary.harms.values().sum::<usize>() >= HARMS, "{summary}");
    for kind in Harmful::KINDS {
        // Where nothing can be mounted, no disk is filled, which the summary says loudly.
        assert!(times(kind) > 0 || (!summary.disks && kind.starts_with("fill-")), "no {kind} in\n{summary}");
    }
    let specs = [UserCommand::specs(), MovieCommand::specs(), BookingCommand::specs()];
    for (service, specs) in Service::ALL.into_iter().zip(specs) {
        for spec in specs {
            let name = format!("{service}.{}", spec.name);
            assert!(summary.commands.contains_key(&name), "nobody gave {name} in\n{summary}");
        }
    }
}
