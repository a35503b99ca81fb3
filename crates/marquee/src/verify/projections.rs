//! Projections: their tables are what the same code makes of the journal, row by row, as far as their checkpoint says.

use std::marker::PhantomData;

use contracts::{EventSet, Service};
use runtime::database::{Connection, StoreError};
use runtime::inspection::{self, Row};
use runtime::projector::Projection;
use tokio::join;
use tokio::sync::mpsc;

use super::around::Around;
use super::finding::Findings;
use super::reading::Pages;
use super::tables::{Digest, Table, differing};

/// A projection as it is compared with its journal.
pub(super) struct Check<P> {
    home: Service,
    /// Rows and checkpoint of one moment.
    real: Connection,
    /// Where the same rows are made again.
    scratch: Connection,
    tables: Vec<Table>,
    checkpoint: u64,
    findings: Findings,
    projection: PhantomData<fn() -> P>,
}

impl<P: Projection> Check<P> {
    /// The projection that `home` keeps.
    ///
    /// # Errors
    /// When a store can't be looked at.
    pub(super) async fn open(around: &Around, home: Service) -> anyhow::Result<Self> {
        let mut findings = Findings::of("projections");
        let (name, source) = (P::NAME, P::Event::SERVICE);
        let mut real = around.snapshot(home).await?;
        let checkpoint = inspection::checkpoint(&mut real, name, source).await?.unwrap_or_default();
        let head = inspection::head(&mut around.connect(source).await?).await?;
        if checkpoint > head {
            let what = format!("is at {checkpoint}, and the journal of {source} ends at {head}");
            findings.add(format!("{home}, projection {name}"), what, mend::<P>(home));
        }
        let mut scratch = around.connect(home).await?;
        let mut tables = Vec::new();
        for name in P::TABLES {
            let table = Table::describe(&mut scratch, name).await?;
            table.shadow(&mut scratch).await?;
            tables.push(table);
        }
        Ok(Self { home, real, scratch, tables, checkpoint, findings, projection: PhantomData })
    }

    /// # Errors
    /// When a store can't be looked at.
    pub(super) async fn run(mut self, journal: Pages) -> anyhow::Result<Vec<Findings>> {
        if !self.findings.told.is_empty() {
            return Ok(vec![self.findings]);
        }
        let folded = fold::<P>(journal, &mut self.scratch, self.checkpoint);
        let (folded, found) = join!(folded, digests(&self.tables, &mut self.real));
        let found = found?;
        match folded {
            Ok(()) => {}
            Err(StoreError::Away(reason)) => anyhow::bail!("the store is away: {reason}"),
            Err(error) => {
                let what =
                    format!("cannot be compared: the journal of {} does not add up ({error})", P::Event::SERVICE);
                let mend = "what is found of the journal comes first";
                self.findings.add(format!("{}, projection {}", self.home, P::NAME), what, mend);
                return Ok(vec![self.findings]);
            }
        }
        let due = digests(&self.tables, &mut self.scratch).await?;
        self.compare(found, due).await?;
        Ok(vec![self.findings])
    }

    async fn compare(&mut self, found: Vec<Vec<Digest>>, due: Vec<Vec<Digest>>) -> anyhow::Result<()> {
        let (home, mend) = (self.home, mend::<P>(self.home));
        for (table, (found, due)) in self.tables.iter().zip(found.into_iter().zip(due)) {
            let buckets = differing(found, due);
            let found = table.rows(&mut self.real, &buckets).await?;
            let due = table.rows(&mut self.scratch, &buckets).await?;
            let place = |key: &str| format!("{home}, table {}, row {key}", table.name);
            for (key, row) in &found {
                match due.get(key) {
                    None => self.findings.add(place(key), "is there and must not be", &mend),
                    Some(due) if due != row => self.findings.add(place(key), table.differences(row, due), &mend),
                    Some(_) => {}
                }
            }
            for key in due.keys().filter(|key| !found.contains_key(*key)) {
                self.findings.add(place(key), "is missing", &mend);
            }
        }
        Ok(())
    }
}

fn mend<P: Projection>(home: Service) -> String {
    let name = P::NAME;
    format!(
        "stop the {home} service, empty {}, DELETE FROM checkpoints WHERE projection = '{name}' in marquee_{home}, start \
         it: the projection fills itself again",
        P::TABLES.join(" and ")
    )
}

/// Lets the projection work through its journal again, as far as it has come.
async fn fold<P: Projection>(mut journal: Pages, scratch: &mut Connection, checkpoint: u64) -> Result<(), StoreError> {
    // The next events are read while the store works on those before.
    let (ready, mut events) = mpsc::channel(1);
    let reading = async move {
        while let Some(page) = journal.next().await {
            let rows = page.iter().map(|entry| &entry.row).take_while(|row| row.position <= checkpoint);
            let events = rows.map(Row::read::<P::Event>).collect::<Result<Vec<_>, _>>()?;
            if ready.send(events).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let working = async {
        while let Some(events) = events.recv().await {
            P::project(scratch, &events).await?;
        }
        Ok(())
    };
    tokio::try_join!(reading, working).map(drop)
}

/// What each of these tables has, summed up.
async fn digests(tables: &[Table], store: &mut Connection) -> anyhow::Result<Vec<Vec<Digest>>> {
    let mut digests = Vec::with_capacity(tables.len());
    for table in tables {
        digests.push(table.digests(store).await?);
    }
    Ok(digests)
}
