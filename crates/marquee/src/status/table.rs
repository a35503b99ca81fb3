//! The answers as a table, with what there is to say below it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use runtime::figures as names;

use super::Answer;
use super::figures::Figures;

const HEADINGS: [&str; 12] = [
    "PROCESS",
    "PID",
    "UP",
    "READY",
    "PER S",
    "REFUSED/S",
    "FAILED/S",
    "MEAN MS",
    "WAITING",
    "RELAY",
    "BEHIND",
    "DEAD",
];

/// Seconds in larger units.
const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];

/// The table, and below it what is the matter. `PER S` counts REST requests of the gateway, and commands and questions of
/// a service; `WAITING` are commands, `RELAY` events that are not published, `BEHIND` events that the slowest projection has
/// before it, `DEAD` dead letters that are kept.
pub(super) fn of(answers: &[Answer]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(answers.iter().map(row));
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(String::len).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    for answer in answers {
        let (Ok(lines) | Err(lines)) = &answer.ready;
        for line in lines.lines().filter(|line| !line.ends_with(": ok")) {
            text += &format!("{}: {line}\n", answer.program.name);
        }
    }
    text
}

fn row(answer: &Answer) -> [String; 12] {
    let (before, after) = (&answer.before, &answer.after);
    let per_second = |count: f64| count / answer.span.as_secs_f64();
    let grown = |fits: fn(&BTreeMap<String, String>) -> bool| {
        let grown = total(after, "_count", fits)? - total(before, "_count", fits).unwrap_or(0.0);
        Some(per_second(grown))
    };
    let took = || {
        let count = total(after, "_count", |_| true)? - total(before, "_count", |_| true)?;
        let seconds = total(after, "_sum", |_| true)? - total(before, "_sum", |_| true)?;
        (count > 0.0).then(|| format!("{:.1}", 1000.0 * seconds / count))
    };
    let rate = |rate: Option<f64>| rate.map_or("-".into(), |rate| format!("{rate:.0}"));
    let gauge = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.0}"));
    [
        name(answer),
        answer.program.pid.map_or("-".into(), |pid| pid.to_string()),
        after.max("process_start_time_seconds").map_or("-".into(), up),
        if answer.ready.is_ok() { "yes" } else { "NO" }.into(),
        rate(grown(|_| true)),
        rate(grown(refused)),
        rate(grown(failed)),
        took().unwrap_or("-".into()),
        gauge(after.max(names::WAITING)),
        gauge(after.max(names::RELAY_LAG)),
        gauge(after.max(names::PROJECTION_LAG)),
        gauge(after.max(names::DEAD_LETTERS)),
    ]
}

/// Whoever was asked by a URL is called what it calls itself.
fn name(answer: &Answer) -> String {
    let url = answer.program.name.as_str();
    match answer.after.label(names::INFO, "program").filter(|_| url.contains("://")) {
        Some(program) => format!("{program} {url}"),
        None => url.to_owned(),
    }
}

/// What a process was asked and told, all together.
fn total(figures: &Figures, part: &str, fits: fn(&BTreeMap<String, String>) -> bool) -> Option<f64> {
    let asked = [names::REQUESTS, names::COMMANDS, names::QUESTIONS];
    figures.label(names::INFO, "program")?;
    Some(asked.iter().filter_map(|name| figures.sum(&format!("{name}{part}"), fits)).sum())
}

/// Refused because of what was asked.
fn refused(labels: &BTreeMap<String, String>) -> bool {
    let is = |label: &str, value: &str| labels.get(label).is_some_and(|found| found == value);
    is("status", "4xx")
        || labels.get("result").is_some_and(|found| !matches!(found.as_str(), "accepted" | "ok")) && !failed(labels)
}

/// Not done because of us.
fn failed(labels: &BTreeMap<String, String>) -> bool {
    labels.get("status").is_some_and(|status| status == "5xx")
        || labels.get("result").is_some_and(|result| matches!(result.as_str(), "later" | "internal" | "unavailable"))
}

/// For how long, in the largest unit that there is one of.
fn up(started: f64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let seconds = (now - started).max(0.0) as u64;
    let (size, unit) = UNITS.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "s"));
    format!("{} {unit}", seconds / size)
}
