//! Projections: their tables are what the same code makes of the journal, row by row, as far as their checkpoint says.

use contracts::{EventSet, Service};
use runtime::database::{Connection, StoreError};
use runtime::inspection;
use runtime::projector::Projection;
use tokio::join;

use super::around::Around;
use super::finding::Findings;
use super::tables::{Digest, Table, differing};

/// Checks the projection `P` that `home` keeps.
///
/// # Errors
/// When a store can't be looked at.
pub(super) async fn check<P: Projection>(around: &Around, home: Service) -> anyhow::Result<Findings> {
    let mut findings = Findings::of("projections");
    let (name, source) = (P::NAME, P::Event::SERVICE);
    let mend = format!(
        "stop the {home} service, empty {}, DELETE FROM checkpoints WHERE projection = '{name}' in marquee_{home}, start \
         it: the projection fills itself again",
        P::TABLES.join(" and ")
    );
    // Rows and checkpoint of one moment.
    let mut real = around.snapshot(home).await?;
    let checkpoint = inspection::checkpoint(&mut real, name, source).await?.unwrap_or_default();
    let mut journal = around.connect(source).await?;
    let head = inspection::head(&mut journal).await?;
    if checkpoint > head {
        let what = format!("is at {checkpoint}, and the journal of {source} ends at {head}");
        findings.add(format!("{home}, projection {name}"), what, &mend);
        return Ok(findings);
    }
    let mut scratch = around.connect(home).await?;
    let mut tables = Vec::new();
    for name in P::TABLES {
        let table = Table::describe(&mut scratch, name).await?;
        table.shadow(&mut scratch).await?;
        tables.push(table);
    }
    let done = |events| around.bar.inc(events);
    let fold = inspection::fold::<P>(&mut journal, &mut scratch, checkpoint, done);
    let (folded, found) = join!(fold, digests(&tables, &mut real));
    let found = found?;
    match folded {
        Ok(()) => {}
        Err(StoreError::Away(reason)) => anyhow::bail!("the store is away: {reason}"),
        Err(error) => {
            let what = format!("cannot be compared: the journal of {source} does not add up ({error})");
            findings.add(format!("{home}, projection {name}"), what, "what is found of the journal comes first");
            return Ok(findings);
        }
    }
    let due = digests(&tables, &mut scratch).await?;
    for (table, (found, due)) in tables.iter().zip(found.into_iter().zip(due)) {
        let buckets = differing(found, due);
        let (found, due) = (table.rows(&mut real, &buckets).await?, table.rows(&mut scratch, &buckets).await?);
        let place = |key: &str| format!("{home}, table {}, row {key}", table.name);
        for (key, row) in &found {
            match due.get(key) {
                None => findings.add(place(key), "is there and must not be", &mend),
                Some(due) if due != row => findings.add(place(key), table.differences(row, due), &mend),
                Some(_) => {}
            }
        }
        for key in due.keys().filter(|key| !found.contains_key(*key)) {
            findings.add(place(key), "is missing", &mend);
        }
    }
    Ok(findings)
}

/// What each of these tables has, summed up.
async fn digests(tables: &[Table], store: &mut Connection) -> anyhow::Result<Vec<Vec<Digest>>> {
    let mut digests = Vec::with_capacity(tables.len());
    for table in tables {
        digests.push(table.digests(store).await?);
    }
    Ok(digests)
}
