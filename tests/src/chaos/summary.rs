//! What came of a run, in figures, and the verdict.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::check::{Count, check};
use super::history::History;

/// What came of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// What it followed from.
    pub seed: u64,
    /// How often harm of each kind was done.
    pub harms: BTreeMap<String, usize>,
    /// Whether disks could be filled.
    pub disks: bool,
    /// Commands by name.
    pub commands: BTreeMap<String, Count>,
    /// How often something was read.
    pub reads: usize,
    /// How long it took until nothing lagged, in milliseconds.
    pub settled_ms: Option<u64>,
    /// Programs that ended though nobody harmed them, and what lagged for ever.
    pub trouble: Vec<String>,
    /// What the checker found.
    pub findings: Vec<String>,
}

impl Summary {
    /// Sums up a run and lets the checker judge it.
    pub fn of(seed: u64, history: &History, disks: bool, trouble: Vec<String>) -> Self {
        let mut harms: BTreeMap<String, usize> = BTreeMap::new();
        for harm in &history.harms {
            *harms.entry(harm.kind.clone()).or_default() += 1;
        }
        let verdict = check(history);
        Self {
            seed,
            harms,
            disks,
            commands: verdict.counts,
            reads: history.calls.iter().filter(|call| call.command_id.is_none()).count(),
            settled_ms: history.ending.settled_ms,
            trouble,
            findings: verdict.findings.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether nothing was lost, nothing happened twice, and all came back by itself in time.
    pub fn is_good(&self) -> bool {
        self.trouble.is_empty() && self.findings.is_empty()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.findings.iter().chain(&self.trouble) {
            writeln!(f, "{}", finding.trim_end())?;
        }
        writeln!(f, "{:<26}{:>9}", "harm", "times")?;
        for (kind, times) in &self.harms {
            writeln!(f, "{kind:<26}{times:>9}")?;
        }
        writeln!(f, "{:<26}{:>9}", "together", self.harms.values().sum::<usize>())?;
        if !self.disks {
            writeln!(f, "NO DISK WAS FILLED: nothing can be mounted here")?;
        }
        let [sent, acknowledged, refused, taken, unknown] = ["sent", "acknowl.", "refused", "taken", "unknown"];
        writeln!(f, "\n{:<26}{sent:>9}{acknowledged:>9}{refused:>9}{taken:>9}{unknown:>9}", "commands")?;
        for (name, count) in &self.commands {
            let Count { sent, acknowledged, refused, taken, unknown } = count;
            writeln!(f, "{name:<26}{sent:>9}{acknowledged:>9}{refused:>9}{taken:>9}{unknown:>9}")?;
        }
        writeln!(f, "{:<26}{:>9}", "reads", self.reads)?;
        match self.settled_ms {
            Some(time) => writeln!(f, "\nnothing lagged any more {time} ms after the last harm")?,
            None => writeln!(f, "\nit never settled")?,
        }
        let findings = self.findings.len() + self.trouble.len();
        match findings {
            0 => write!(f, "seed {}: nothing was lost, and nothing happened twice", self.seed),
            _ => write!(f, "seed {}: {findings} findings, see above", self.seed),
        }
    }
}
