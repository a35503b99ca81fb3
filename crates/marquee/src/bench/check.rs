//! Whether what was answered is so: every booking that got a 201 is there, once.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ::bookings::schema::bookings;
use anyhow::Context;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key};
use runtime::inspection;
use tokio::process::Command;
use uuid::Uuid;

use super::system::{System, Which};

/// Rows that are read at once.
const PAGE: i64 = 50_000;
/// For how many seconds the audit waits for what is behind.
const PATIENCE: &str = "120";

/// What is wrong; nothing, when all is as it was answered.
///
/// # Errors
/// When a store can't be read.
pub(super) async fn check(system: &System, created: &[String]) -> anyhow::Result<Vec<String>> {
    let created: Vec<Uuid> = created.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
    let mut wrong = Vec::new();
    // First, because it waits until the services have caught up. It compares each row of the journals with the streams
    // and the read tables.
    if system.which != Which::Monolith {
        wrong.extend(audit(system.folder()).await?);
    }
    let mut store = inspection::connect(system.bookings_url()?).await?;
    if system.which != Which::Monolith {
        wrong.extend(differences("journal", &created, &in_journal(&mut store).await?));
    }
    let rows = in_table(&mut store).await?;
    wrong.extend(differences("table", &created, &rows));
    // Each workload books one seat at a time, so does what was grown, and nothing is cancelled.
    let seats = (bookings::showtime_id, bookings::seats);
    let sold: Vec<(Key, String)> = bookings::table.select(seats).distinct().load(&mut store).await?;
    if sold.len() != rows.len() {
        wrong.push(format!("{} seats are taken, for {} bookings", sold.len(), rows.len()));
    }
    Ok(wrong.into_iter().map(|what| format!("{}: {what}", system.which.name())).collect())
}

/// What is answered is found once, and nothing else is.
fn differences(place: &str, created: &[Uuid], found: &HashMap<Uuid, u32>) -> Vec<String> {
    let answered: HashSet<&Uuid> = created.iter().collect();
    let lost = created.iter().filter(|id| !found.contains_key(id)).count();
    let twice = found.values().filter(|times| **times > 1).count();
    let unasked = found.keys().filter(|id| !answered.contains(id)).count();
    let told_twice = created.len() - answered.len();
    let all = [
        (lost, "were answered with 201 and are not there"),
        (twice, "are there more than once"),
        (unasked, "are there that nobody was told of"),
        (told_twice, "were told more than once"),
    ];
    all.into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{place}: {count} bookings {what}"))
        .collect()
}

async fn in_journal(store: &mut Connection) -> anyhow::Result<HashMap<Uuid, u32>> {
    let (mut found, mut position) = (HashMap::new(), 0);
    loop {
        let page = inspection::page(store, position).await?;
        let Some(last) = page.last() else { return Ok(found) };
        position = last.row.position;
        let rows = page.iter().map(|entry| &entry.row);
        for row in rows.filter(|row| row.event_type.starts_with("booking-placed")) {
            *found.entry(row.entity_id.0).or_default() += 1;
        }
    }
}

async fn in_table(store: &mut Connection) -> anyhow::Result<HashMap<Uuid, u32>> {
    let (mut found, mut after) = (HashMap::new(), Uuid::nil());
    loop {
        let page = bookings::table.filter(bookings::id.gt(Key(after))).order(bookings::id).limit(PAGE);
        let page: Vec<Key> = page.select(bookings::id).load(store).await?;
        let Some(Key(last)) = page.last() else { return Ok(found) };
        after = *last;
        for Key(id) in page {
            *found.entry(id).or_default() += 1;
        }
    }
}

/// What `marquee verify` finds.
async fn audit(folder: &Path) -> anyhow::Result<Option<String>> {
    let marquee = crate::services::programs()?.join("marquee");
    let command = Command::new(marquee).args(["verify", "--patience", PATIENCE]).arg("--data-dir").arg(folder).output();
    let output = command.await.context("marquee verify does not start")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok((!output.status.success()).then(|| format!("marquee verify: {}", said.trim())))
}

/// Takes one booking out of the table that is read, for the test that this is noticed.
///
/// # Errors
/// When the store can't be written.
pub(super) async fn break_one(system: &System) -> anyhow::Result<()> {
    let mut store = inspection::connect(system.bookings_url()?).await?;
    let first: Key = bookings::table.select(bookings::id).first(&mut store).await?;
    diesel::delete(bookings::table.find(first)).execute(&mut store).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_or_made_up_is_found() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        assert!(differences("table", &[a, b], &HashMap::from([(a, 1), (b, 1)])).is_empty());
        for (created, found) in [
            (vec![a, b], HashMap::from([(a, 1)])),
            (vec![a], HashMap::from([(a, 2)])),
            (vec![a], HashMap::from([(a, 1), (c, 1)])),
            (vec![a, a], HashMap::from([(a, 1)])),
        ] {
            assert_eq!(differences("table", &created, &found).len(), 1, "{created:?} {found:?}");
        }
    }
}
