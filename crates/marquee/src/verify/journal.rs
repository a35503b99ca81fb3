//! The journal: positions without gaps, each stream's versions one after the other, and the head where they end.

use std::collections::HashMap;

use contracts::Service;
use runtime::inspection::Row;
use uuid::Uuid;

use super::finding::{Findings, range};

const RESTORE: &str = "nothing else has what is lost: restore this service's database from a backup, then delete its \
                       event stream if that is ahead of it";

/// Walks through one journal.
pub(super) struct Journal {
    service: Service,
    last: u64,
    versions: HashMap<Uuid, u32>,
    pub(super) findings: Findings,
}

impl Journal {
    pub(super) fn new(service: Service) -> Self {
        Self { service, last: 0, versions: HashMap::new(), findings: Findings::of("journal") }
    }

    /// The next row.
    pub(super) fn take(&mut self, row: &Row) {
        let due = self.last + 1;
        if row.position > due {
            self.missing(due, row.position - 1);
        }
        self.last = row.position;
        let version = self.versions.entry(row.stream_id.0).or_default();
        let due = *version + 1;
        *version = row.version;
        if row.version != due {
            let place = format!("{}, position {}", self.service, row.position);
            let what = format!("version {} of stream {} where {due} was due", row.version, row.stream_id.0);
            self.findings.add(place, what, RESTORE);
        }
    }

    /// After the last row.
    pub(super) fn end(&mut self, head: u64) {
        if head > self.last {
            self.missing(self.last + 1, head);
        }
        if head < self.last {
            let what = format!("the journal's head says {head}, and the last row is at {}", self.last);
            let mend = format!("UPDATE journal_head SET position = {} in marquee_{}", self.last, self.service);
            self.findings.add(format!("{}, journal_head", self.service), what, mend);
        }
    }

    fn missing(&mut self, first: u64, last: u64) {
        self.findings.add(format!("{}, {}", self.service, range(first, last)), "not in the journal", RESTORE);
    }
}
