//! The journals, each read once for all that is checked with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::Service;
use runtime::inspection::{self, Entry};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;

use super::around::Around;
use super::finding::Findings;
use super::journal::Journal;
use super::outcomes::Outcomes;

/// How many pages may wait for the slowest of those who check them.
const AHEAD: usize = 2;

/// A page of a journal, shared by all who check it.
pub(super) type Page = Arc<Vec<Entry>>;

/// Who reads which journal. Whoever compares it with something else looks at that first, so that the journal, which only
/// grows, has all that is in there.
#[derive(Default)]
pub(super) struct Reading {
    readers: BTreeMap<Service, Vec<Sender<Page>>>,
}

/// A journal's pages, from the first event on.
pub(super) struct Pages(Receiver<Page>);

impl Pages {
    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Page> {
        self.0.recv().await
    }
}

impl Reading {
    /// The pages of this service's journal.
    pub(super) fn of(&mut self, service: Service) -> Pages {
        let (sender, receiver) = mpsc::channel(AHEAD);
        self.readers.entry(service).or_default().push(sender);
        Pages(receiver)
    }

    /// Starts to read; returns how many events there are. To be called when all have asked for their pages.
    ///
    /// # Errors
    /// When a store can't be looked at.
    pub(super) async fn start(
        self,
        around: &Around,
        checks: &mut JoinSet<anyhow::Result<Vec<Findings>>>,
    ) -> anyhow::Result<u64> {
        let mut events = 0;
        for (service, readers) in self.readers {
            let head = inspection::head(&mut around.connect(service).await?).await?;
            events += head;
            around.bar.inc_length(head);
            let around = around.clone();
            checks.spawn(async move { read(&around, service, &readers).await });
        }
        Ok(events)
    }
}

/// Checks a journal and its outcomes event by event, and hands the pages on.
async fn read(around: &Around, service: Service, readers: &[Sender<Page>]) -> anyhow::Result<Vec<Findings>> {
    // Head, events and outcomes of one moment.
    let mut store = around.snapshot(service).await?;
    let head = inspection::head(&mut store).await?;
    let since = inspection::outcomes_since(&mut store).await?;
    let (mut journal, mut outcomes, mut position) = (Journal::new(service), Outcomes::new(service, since), 0);
    loop {
        let page = Arc::new(inspection::page(&mut store, position).await?);
        let Some(last) = page.last() else { break };
        position = last.row.position;
        for reader in readers {
            // Whoever has seen enough has gone.
            let _ = reader.send(Arc::clone(&page)).await;
        }
        for entry in page.iter() {
            journal.take(&entry.row);
            outcomes.take(entry);
        }
        around.bar.inc(u64::try_from(page.len()).unwrap_or_default());
    }
    journal.end(head);
    outcomes.end();
    outcomes.eventless(&mut store, head).await?;
    Ok(vec![journal.findings, outcomes.findings])
}
