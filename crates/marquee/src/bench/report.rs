//! The results for people: a table on the terminal, and a page with plots.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::growth::EVENTS;
use super::plot::{self, Bar, with_commas};
use super::results::{Cost, Load, Results, Row, Spread};
use super::workload::Workload;

const SYSTEMS: [&str; 3] = ["services", "monolith", "bare"];
const MEBIBYTE: f64 = 1_048_576.0;

/// Writes `results.json`, `README.md` and a plot for each workload into a folder.
///
/// # Errors
/// When that can't be written.
pub(super) fn write(results: &Results, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    write("results.json", &(serde_json::to_string_pretty(results)? + "\n"))?;
    write("README.md", &page(results))?;
    for workload in workloads(results) {
        let (rates, latencies) = plots(results, workload);
        let name = file_name(workload);
        write(&format!("{name}.svg"), &rates)?;
        write(&format!("{name}-p99.svg"), &latencies)?;
    }
    Ok(())
}

/// The page: everything in tables, with the plots.
pub(super) fn page(results: &Results) -> String {
    let Results { began, cores, optimised, rounds, seconds, .. } = results;
    let build = if *optimised { "release" } else { "debug" };
    let mut page = format!(
        "# Services and monolith, measured\n\nMade by `marquee bench`, {began}: {cores} cores with the load generator and all servers \
         on them, {build} build, medians of {rounds} rounds of {seconds} s each after a warm-up, in brackets the least and \
         the most. Processor time is of all processes of a system, servers included. *Bare* is axum with a constant answer \
         of the same size.\n"
    );
    for workload in workloads(results) {
        let (name, file) = (workload.name(), file_name(workload));
        let _ = write!(
            page,
            "\n## {}\n\n![Requests a second]({file}.svg)\n![p99]({file}-p99.svg)\n\n{}",
            capital(name),
            table(results, workload)
        );
    }
    page += &rest(results);
    page
}

/// One workload as a table.
pub(super) fn table(results: &Results, workload: Workload) -> String {
    let mut table = "| load | system | requests/s | p50 ms | p99 ms | errors | processor µs/request | to the monolith |\n|---|---|---|---|---|---|---|---|\n".to_owned();
    let mut rows: Vec<&Row> = results.rows.iter().filter(|row| row.workload == workload).collect();
    rows.sort_by_key(|row| (load_order(row.load), SYSTEMS.iter().position(|name| *name == row.system)));
    for row in rows {
        let other = results.row(workload, row.load, "monolith").filter(|_| row.system == "services");
        let ratio = other.map(|other| ratios(row, other)).unwrap_or_default();
        let Row { load, system, errors, .. } = row;
        let _ = writeln!(
            table,
            "| {load} | {system} | {} | {} | {} | {errors} | {} | {ratio} |",
            counted(row.requests_per_second),
            milliseconds(row.p50_us),
            milliseconds(row.p99_us),
            with_commas(row.processor_us_per_request.median),
        );
    }
    table
}

fn ratios(row: &Row, other: &Row) -> String {
    let ratio = |of: fn(&Row) -> Spread| of(row).median / of(other).median.max(f64::EPSILON);
    let (rate, p50, p99) = (ratio(|row| row.requests_per_second), ratio(|row| row.p50_us), ratio(|row| row.p99_us));
    format!("{rate:.2}× requests/s, {p50:.2}× p50, {p99:.2}× p99")
}

/// What is no workload.
pub(super) fn rest(results: &Results) -> String {
    let mut text = "\n## What they take\n\n| | memory MiB | disk bytes/booking | bookings | start-up s, empty | with all those |\n|---|---|---|---|---|---|\n".to_owned();
    for (system, cost) in &results.cost {
        let Cost { memory, disk_per_booking, bookings, start_up_empty, start_up_full } = cost;
        let each: Vec<String> =
            memory.iter().map(|(name, bytes)| format!("{name} {:.0}", *bytes as f64 / MEBIBYTE)).collect();
        let sum = memory.values().sum::<u64>() as f64 / MEBIBYTE;
        let _ = writeln!(
            text,
            "| {system} | {sum:.0} ({}) | {disk_per_booking} | {bookings} | {start_up_empty:.2} | {start_up_full:.2} |",
            each.join(", ")
        );
    }
    if let Some(told) = results.told {
        let (p50, p99, max) = (told.p50 as f64 / 1e3, told.p99 as f64 / 1e3, told.max as f64 / 1e3);
        let _ = write!(
            text,
            "\n**From decision to subscriber** at {} bookings/s: p50 {p50:.1} ms, p99 {p99:.1} ms, at most {max:.1} ms ({} events).\n",
            with_commas(told.bookings_per_second),
            told.events
        );
    }
    if let Some(rebuilt) = results.rebuilt {
        let rate = rebuilt.events as f64 / rebuilt.seconds.max(f64::EPSILON);
        let _ =
            write!(text, "\n**A projection made anew**: {} events/s ({} events).\n", with_commas(rate), rebuilt.events);
    }
    text += &growth(results);
    match results.wrong.as_slice() {
        [] => {
            text += "\nEvery 201 was there afterwards, once: in the journal, the stream and the read tables, and in the monolith's tables.\n"
        }
        wrong => {
            text += "\n**Wrong:**\n";
            for what in wrong {
                let _ = writeln!(text, "- {what}");
            }
        }
    }
    text
}

/// What the services do with many bookings, beside the same without.
fn growth(results: &Results) -> String {
    if results.grown.is_empty() {
        return String::new();
    }
    let bookings = with_commas(results.grown_by as f64);
    let mut text = format!(
        "\n**Growth**: the services with {bookings} more bookings of {EVENTS} events each, and without, measured in turns.\n\n\
         | | load | without, requests/s | with | of that | p99 ms without | with |\n|---|---|---|---|---|---|---|\n"
    );
    let of = |system| results.grown.iter().filter(move |row| row.system == system);
    for with in of("grown") {
        let Some(without) = of("services").find(|row| (row.workload, row.load) == (with.workload, with.load)) else {
            continue;
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.0} % | {} | {} |",
            with.workload.name(),
            with.load,
            counted(without.requests_per_second),
            counted(with.requests_per_second),
            with.requests_per_second.median / without.requests_per_second.median.max(f64::EPSILON) * 100.0,
            milliseconds(without.p99_us),
            milliseconds(with.p99_us),
        );
    }
    text
}

fn plots(results: &Results, workload: Workload) -> (String, String) {
    let mut loads: Vec<Load> = Vec::new();
    for row in results.rows.iter().filter(|row| row.workload == workload) {
        if !loads.contains(&row.load) {
            loads.push(row.load);
        }
    }
    loads.sort_by_key(|load| load_order(*load));
    let groups = |of: fn(&Row) -> Spread| -> Vec<(String, Vec<Option<Bar>>)> {
        let bar = |row: &Row| {
            let Spread { median, least, most } = of(row);
            Bar { value: median, least, most }
        };
        let group = |load: &Load| SYSTEMS.iter().map(|system| results.row(workload, *load, system).map(bar)).collect();
        loads.iter().map(|load| (load.to_string(), group(load))).collect()
    };
    let name = capital(workload.name());
    let rates = plot::bars(&format!("{name}: requests/s"), &SYSTEMS, &groups(|row| row.requests_per_second));
    (rates, plot::bars(&format!("{name}: p99 in µs"), &SYSTEMS, &groups(|row| row.p99_us)))
}

/// The workloads that were measured, each once, in their order.
pub(super) fn workloads(results: &Results) -> Vec<Workload> {
    let mut workloads: Vec<Workload> = results.rows.iter().map(|row| row.workload).collect();
    workloads.sort_unstable();
    workloads.dedup();
    workloads
}

fn load_order(load: Load) -> (bool, u64) {
    match load {
        Load::Connections(connections) => (false, connections as u64),
        Load::Rate(rate) => (true, rate as u64),
    }
}

fn counted(Spread { median, least, most }: Spread) -> String {
    format!("{} ({}–{})", with_commas(median), with_commas(least), with_commas(most))
}

fn milliseconds(Spread { median, least, most }: Spread) -> String {
    format!("{:.2} ({:.2}–{:.2})", median / 1e3, least / 1e3, most / 1e3)
}

fn file_name(workload: Workload) -> String {
    workload.name().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-").replace("--", "-")
}

fn capital(name: &str) -> String {
    let mut signs = name.chars();
    signs.next().map(|first| first.to_uppercase().collect::<String>() + signs.as_str()).unwrap_or_default()
}
