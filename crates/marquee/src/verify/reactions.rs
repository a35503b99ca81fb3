//! Reactions: each command that must follow from an event has been decided, and what it is for is so: a cancelled
//! showtime, an erased user have no bookings, and the fence is up that keeps it so.

use std::collections::{BTreeMap, HashMap, HashSet};

use bookings::projections::BookingTables;
use bookings::reactions::{CancelledShowtimes, ErasedUsers};
use bookings::{claims, standing};
use chrono::Utc;
use contracts::bookings::BookingCommand;
use contracts::ids::{BookingId, CommandId};
use contracts::{EventSet, Service};
use runtime::database::{Connection, StoreError};
use runtime::domain::Claim;
use runtime::inspection;
use runtime::projector::Projection;
use runtime::reactions::Reaction;
use uuid::Uuid;

use super::around::Around;
use super::finding::Findings;

/// Where the reactions are done.
const HOME: Service = Service::Bookings;
const AGAIN: &str = "stop the bookings service, DELETE FROM checkpoints WHERE projection IN ('cancelled-showtimes', \
                     'erased-users') in marquee_bookings, start it: the reactions run again, and those that are done \
                     change nothing";

/// A command that must follow from an event.
struct Due {
    place: String,
    /// The showtime or user.
    about: Uuid,
    fence: Claim,
}

type DueCommands = BTreeMap<CommandId, Due>;

/// # Errors
/// When a store can't be looked at.
pub(super) async fn check(around: &Around) -> anyhow::Result<Findings> {
    let mut findings = Findings::of("reactions");
    let showtimes = due::<CancelledShowtimes>(around).await?;
    let users = due::<ErasedUsers>(around).await?;
    wait(around, showtimes.keys().chain(users.keys()).copied().collect()).await?;

    let mut store = around.snapshot(HOME).await?;
    let shown = inspection::checkpoint(&mut store, BookingTables::NAME, HOME).await?.unwrap_or_default();
    let showtimes = done(&mut store, showtimes, claims::CLOSED_SHOWTIME, shown, &mut findings).await?;
    let users = done(&mut store, users, claims::ERASED_USER, shown, &mut findings).await?;
    left(&mut store, &showtimes, &users, &mut findings).await?;
    Ok(findings)
}

/// The commands that follow from all events that the reaction has seen, as far back as outcomes are kept.
async fn due<R: Reaction<Command = BookingCommand>>(around: &Around) -> anyhow::Result<DueCommands> {
    let source = R::Event::SERVICE;
    let seen = inspection::checkpoint(&mut around.connect(HOME).await?, R::NAME, source).await?.unwrap_or_default();
    let since = inspection::outcomes_since(&mut around.connect(HOME).await?).await?;
    let (mut journal, mut position, mut commands) = (around.connect(source).await?, 0, DueCommands::new());
    loop {
        let rows = inspection::page(&mut journal, position, seen).await?;
        let Some(last) = rows.last() else { return Ok(commands) };
        position = last.position;
        for row in rows.iter().filter(|row| row.recorded_at.and_utc() >= since) {
            // An event that can't be read is found where the journal is folded.
            for (id, command) in inspection::due::<R>(row).unwrap_or_default() {
                let (about, fence) = match command {
                    BookingCommand::CancelShowtime(it) => (it.showtime_id.0, claims::closed_showtime(it.showtime_id)),
                    BookingCommand::CancelUser(it) => (it.user_id.0, claims::erased_user(it.user_id)),
                    _ => continue,
                };
                let place = format!("bookings, reaction {} to {source}, position {}", R::NAME, row.position);
                commands.insert(id, Due { place, about, fence });
            }
        }
        around.bar.inc(u64::try_from(rows.len()).unwrap_or_default());
    }
}

/// Until all of these have been decided, but only as long as our patience lasts.
async fn wait(around: &Around, mut undecided: Vec<CommandId>) -> Result<(), StoreError> {
    let (mut store, patience) = (around.connect(HOME).await?, around.patience());
    loop {
        let decided = inspection::decided(&mut store, &undecided).await?;
        undecided.retain(|id| !decided.contains_key(id));
        if undecided.is_empty() || !patience.lasts().await {
            return Ok(());
        }
    }
}

/// Those showtimes or users whose command was accepted, when the read table has come as far; with the place of it.
async fn done(
    store: &mut Connection,
    due: DueCommands,
    kind: &str,
    shown: u64,
    findings: &mut Findings,
) -> Result<HashMap<Uuid, String>, StoreError> {
    let ids: Vec<CommandId> = due.keys().copied().collect();
    let decided = inspection::decided(store, &ids).await?;
    let fences = fences(store, kind).await?;
    let mut done = HashMap::new();
    for (id, Due { place, about, fence }) in due {
        match decided.get(&id) {
            None => findings.add(place, format!("its command {id}, about {about}, has no outcome"), AGAIN),
            Some((false, _)) => {
                let mend = format!("see GET /api/operations/{id} for the reason, and cancel by hand what stands");
                findings.add(place, format!("its command {id}, about {about}, was refused"), mend);
            }
            Some((true, position)) => {
                if !fences.contains(&fence.value) {
                    let mend = "INSERT the claim into marquee_bookings, or a late command may book again";
                    findings.add(&place, format!("the claim {kind} {} is missing", fence.value), mend);
                }
                if *position <= shown {
                    done.insert(about, place);
                }
            }
        }
    }
    Ok(done)
}

async fn fences(store: &mut Connection, kind: &str) -> Result<HashSet<String>, StoreError> {
    let (mut fences, mut after) = (HashSet::new(), String::new());
    loop {
        let page = inspection::claims(store, kind, &after).await?;
        let Some((last, _)) = page.last() else { return Ok(fences) };
        after.clone_from(last);
        fences.extend(page.into_iter().map(|(value, _)| value));
    }
}

/// Looks for bookings that must not stand any more. Who had begun to sit there when they were erased stays there, and a
/// showtime that has begun cannot be moved.
async fn left(
    store: &mut Connection,
    showtimes: &HashMap<Uuid, String>,
    users: &HashMap<Uuid, String>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    if showtimes.is_empty() && users.is_empty() {
        return Ok(());
    }
    let (now, mut after) = (Utc::now(), BookingId(Uuid::nil()));
    loop {
        let page = standing::page(store, after, inspection::PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for booking in &page {
            let to_come = booking.starts_at.is_some_and(|start| start > now);
            let erased = users.get(&booking.user_id.0).filter(|_| to_come);
            if let Some(place) = showtimes.get(&booking.showtime_id.0).or(erased) {
                let mend = format!("cancel it: DELETE /api/bookings/{}", booking.id);
                findings.add(place, format!("done, and booking {} stands", booking.id), mend);
            }
        }
    }
}
