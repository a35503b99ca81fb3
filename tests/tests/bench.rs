//! `marquee bench`: compares, writes what it found, and fails when what was answered is not so.

use std::path::PathBuf;

use marquee::services;
use serde_json::Value;
use tokio::process::Command;
use uuid::Uuid;

/// Runs the quick comparison with these arguments as well: whether it succeeded, what it said, and its results.
async fn bench(arguments: &[&str]) -> (bool, String, PathBuf) {
    let folder = std::env::temp_dir().join(format!("marquee-test-{}", Uuid::now_v7()));
    let marquee = services::programs().unwrap_or_else(|error| panic!("{error:#}")).join("marquee");
    let mut command = Command::new(marquee);
    command.args(["bench", "--quick"]).args(arguments);
    command.arg("--work").arg(folder.join("work")).arg("--out").arg(folder.join("out"));
    let output = command.output().await.expect("an end");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said, folder)
}

fn read(folder: &std::path::Path, name: &str) -> String {
    let file = folder.join("out").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[tokio::test]
async fn both_are_measured_and_the_results_written() {
    let (succeeded, said, folder) = bench(&["--workloads", "book,scramble,seat-map"]).await;
    assert!(succeeded, "{said}");
    let results: Value = serde_json::from_str(&read(&folder, "results.json")).expect("JSON");
    assert_eq!(results["wrong"], serde_json::json!([]));
    let rows = results["rows"].as_array().expect("rows");
    for (workload, system) in
        [("book", "services"), ("book", "monolith"), ("scramble", "services"), ("seat-map", "bare")]
    {
        let row = rows.iter().find(|row| row["workload"] == workload && row["system"] == system);
        let row = row.unwrap_or_else(|| panic!("no {workload} of the {system}: {results:#}"));
        assert_eq!(row["errors"], 0, "{row:#}");
    }
    for system in ["services", "monolith"] {
        let cost = &results["cost"][system];
        assert!(cost["memory"]["database"].as_u64().is_some_and(|bytes| bytes > 10_000_000), "{cost:#}");
        assert!(cost["bookings"].as_u64().is_some_and(|bookings| bookings >= 1200), "{cost:#}");
    }
    let page = read(&folder, "README.md");
    for part in ["## Book a fresh seat", "](book-a-fresh-seat.svg)", "Every 201 was there afterwards"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(read(&folder, "hot-seat-map.svg").starts_with("<svg"));
    std::fs::remove_dir_all(&folder).expect("a folder that can be removed");
}

#[tokio::test]
async fn the_services_are_compared_with_those_that_have_a_past() {
    let (succeeded, said, folder) = bench(&["--workloads", "book", "--growth", "500"]).await;
    // Of the past, too, all is as it must be.
    assert!(succeeded, "{said}");
    let results: Value = serde_json::from_str(&read(&folder, "results.json")).expect("JSON");
    let rows = results["grown"].as_array().expect("rows");
    for system in ["services", "grown"] {
        let row = rows.iter().find(|row| row["workload"] == "book" && row["system"] == system);
        let row = row.unwrap_or_else(|| panic!("no {system}: {results:#}"));
        assert_eq!(row["errors"], 0, "{row:#}");
    }
    let bookings = |system: &str| results["cost"][system]["bookings"].as_u64().expect("a number");
    assert!(bookings("grown") >= 1500 && bookings("services") >= 1000, "{:#}", results["cost"]);
    let page = read(&folder, "README.md");
    let growth = "**Growth**: the services with 500 more bookings of 5 events each";
    assert!(page.contains(growth), "{growth} is not in {page}");
    std::fs::remove_dir_all(&folder).expect("a folder that can be removed");
}

#[tokio::test]
async fn what_is_lost_makes_it_fail() {
    let (succeeded, said, folder) = bench(&["--workloads", "book", "--break-one"]).await;
    assert!(!succeeded, "{said}");
    for part in ["services: table: 1 bookings were answered with 201 and are not there", "monolith: table: 1 bookings"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let results: Value = serde_json::from_str(&read(&folder, "results.json")).expect("JSON");
    assert_ne!(results["wrong"], serde_json::json!([]));
    std::fs::remove_dir_all(&folder).expect("a folder that can be removed");
}
