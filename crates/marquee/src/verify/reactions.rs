//! Reactions: each command that must follow from an event has been decided, and what it is for is so: a cancelled
//! showtime, an erased user have no bookings, and the fence is up that keeps it so.

use std::collections::{BTreeMap, HashMap, HashSet};

use bookings::projections::BookingTables;
use bookings::reactions::{CancelledShowtimes, ErasedUsers};
use bookings::{claims, standing};
use chrono::{DateTime, Utc};
use contracts::bookings::BookingCommand;
use contracts::ids::{BookingId, CommandId};
use contracts::{EventSet, Service};
use runtime::database::{Connection, StoreError};
use runtime::domain::Claim;
use runtime::inspection;
use runtime::projector::Projection;
use runtime::reactions::Reaction;
use tokio::join;
use uuid::Uuid;

use super::around::Around;
use super::finding::Findings;
use super::reading::Pages;

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

/// How far the reactions have come.
pub(super) struct Check {
    around: Around,
    /// From when on outcomes are kept.
    since: DateTime<Utc>,
    showtimes_seen: u64,
    users_seen: u64,
}

impl Check {
    /// # Errors
    /// When the store can't be looked at.
    pub(super) async fn open(around: &Around) -> anyhow::Result<Self> {
        let mut store = around.connect(HOME).await?;
        let since = inspection::outcomes_since(&mut store).await?;
        let showtimes_seen = seen::<CancelledShowtimes>(&mut store).await?;
        let users_seen = seen::<ErasedUsers>(&mut store).await?;
        Ok(Self { around: around.clone(), since, showtimes_seen, users_seen })
    }

    /// # Errors
    /// When a store can't be looked at.
    pub(super) async fn run(self, movies: Pages, users: Pages) -> anyhow::Result<Vec<Findings>> {
        let mut findings = Findings::of("reactions");
        let (showtimes, users) = join!(
            due::<CancelledShowtimes>(movies, self.since, self.showtimes_seen),
            due::<ErasedUsers>(users, self.since, self.users_seen)
        );
        wait(&self.around, showtimes.keys().chain(users.keys()).copied().collect()).await?;

        let mut store = self.around.snapshot(HOME).await?;
        let shown = inspection::checkpoint(&mut store, BookingTables::NAME, HOME).await?.unwrap_or_default();
        let showtimes = done(&mut store, showtimes, claims::CLOSED_SHOWTIME, shown, &mut findings).await?;
        let users = done(&mut store, users, claims::ERASED_USER, shown, &mut findings).await?;
        left(&mut store, &showtimes, &users, &mut findings).await?;
        Ok(vec![findings])
    }
}

/// Up to which event a reaction has come.
async fn seen<R: Reaction>(store: &mut Connection) -> Result<u64, StoreError> {
    Ok(inspection::checkpoint(store, R::NAME, R::Event::SERVICE).await?.unwrap_or_default())
}

/// The commands that follow from all events that the reaction has seen, as far back as outcomes are kept.
async fn due<R: Reaction<Command = BookingCommand>>(
    mut journal: Pages,
    since: DateTime<Utc>,
    seen: u64,
) -> DueCommands {
    let mut commands = DueCommands::new();
    while let Some(page) = journal.next().await {
        let rows = page.iter().map(|entry| &entry.row).take_while(|row| row.position <= seen);
        for row in rows.filter(|row| row.recorded_at.and_utc() >= since) {
            // An event that can't be read is found where the journal is folded.
            for (id, command) in inspection::due::<R>(row).unwrap_or_default() {
                let (about, fence) = match command {
                    BookingCommand::CancelShowtime(it) => (it.showtime_id.0, claims::closed_showtime(it.showtime_id)),
                    BookingCommand::CancelUser(it) => (it.user_id.0, claims::erased_user(it.user_id)),
                    _ => continue,
                };
                let place =
                    format!("bookings, reaction {} to {}, position {}", R::NAME, R::Event::SERVICE, row.position);
                commands.insert(id, Due { place, about, fence });
            }
        }
    }
    commands
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
