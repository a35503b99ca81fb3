//! What is stuck: commands that nobody decides, events that the stream or a projection doesn't get, dead letters. What is
//! only on its way arrives while we wait.

use std::time::Duration;

use bookings::reactions::{CancelledShowtimes, ErasedUsers};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::page::Limit;
use contracts::{EventSet, Service};
use futures_util::future::try_join_all;
use runtime::client::Client;
use runtime::inspection;
use runtime::projector::Projection;
use runtime::reactions::Reaction;
use runtime::room::Bounds;
use tokio::try_join;

use super::around::Around;
use super::finding::Findings;
use super::stream;

/// What keeps a checkpoint.
struct Follower {
    home: Service,
    name: &'static str,
    source: Service,
}

fn projection<P: Projection>(home: Service) -> Follower {
    Follower { home, name: P::NAME, source: P::Event::SERVICE }
}

fn reaction<R: Reaction>(home: Service) -> Follower {
    Follower { home, name: R::NAME, source: R::Event::SERVICE }
}

fn followers() -> [Follower; 6] {
    [
        projection::<users::projections::UserTable>(Service::Users),
        projection::<movies::projections::Programme>(Service::Movies),
        projection::<bookings::projections::BookingTables>(Service::Bookings),
        projection::<bookings::programme::Programme>(Service::Bookings),
        reaction::<CancelledShowtimes>(Service::Bookings),
        reaction::<ErasedUsers>(Service::Bookings),
    ]
}

/// Something that doesn't move: where, what, and what would mend it.
type Stuck = Option<(String, String, String)>;

/// Looks at everything at once, so that all of it together takes no longer than our patience.
///
/// # Errors
/// When a store or the broker can't be looked at.
pub(super) async fn check(around: &Around) -> anyhow::Result<Findings> {
    let (commands, relays, followers, erasures) = try_join!(
        try_join_all(Service::ALL.map(|service| commands(around, service))),
        try_join_all(Service::ALL.map(|service| relay(around, service))),
        try_join_all(followers().into_iter().map(|follower| behind(around, follower))),
        erasures(around),
    )?;
    let mut findings = Findings::of("stuck");
    for (place, what, mend) in [commands, relays, followers, vec![erasures]].concat().into_iter().flatten() {
        findings.add(place, what, mend);
    }
    dead_letters(around, &mut findings).await?;
    Ok(findings)
}

/// Whether the oldest command that waits stays the oldest.
async fn commands(around: &Around, service: Service) -> anyhow::Result<Stuck> {
    let name = service.commands_stream();
    let mut oldest: Option<(u64, DateTime<Utc>)> = None;
    let moves = around.eventually(async || {
        // The service makes it when it starts; until then nobody can give commands.
        let Some(state) = stream::state(around, name).await? else { return Ok(true) };
        let first = state.first_sequence;
        let since = oldest.get_or_insert((first, std::time::SystemTime::from(state.first_timestamp).into()));
        Ok(state.messages == 0 || first > since.0)
    });
    if moves.await? {
        return Ok(None);
    }
    let what = oldest.map(|(sequence, since)| {
        let seconds = Utc::now().signed_duration_since(since).max(TimeDelta::zero()).num_seconds();
        format!("the command at sequence {sequence} has waited for {seconds} s")
    });
    let mend = format!("does the {service} service run, and what does its log say?");
    Ok(Some((format!("{service}, stream {name}"), what.unwrap_or_default(), mend)))
}

/// Whether the stream gets what the journal has.
async fn relay(around: &Around, service: Service) -> anyhow::Result<Stuck> {
    let name = service.events_stream();
    let due = inspection::head(&mut around.connect(service).await?).await?;
    let mut last = 0;
    let arrives = around.eventually(async || {
        last = stream::state(around, name).await?.map_or(0, |state| state.last_sequence);
        Ok(last >= due)
    });
    if arrives.await? {
        return Ok(None);
    }
    let what = format!("ends at {last}, the journal at {due}, for {}", seconds(around.patience));
    let mend = format!("does the {service} service run, and what does its log say of the relay?");
    Ok(Some((format!("{service}, stream {name}"), what, mend)))
}

/// Whether a projection or a reaction gets what the journal has.
async fn behind(around: &Around, Follower { home, name, source }: Follower) -> anyhow::Result<Stuck> {
    let due = inspection::head(&mut around.connect(source).await?).await?;
    let (mut store, mut reached) = (around.connect(home).await?, 0);
    let arrives = around.eventually(async || {
        reached = inspection::checkpoint(&mut store, name, source).await?.unwrap_or_default();
        Ok(reached >= due)
    });
    if arrives.await? {
        return Ok(None);
    }
    let what = format!("is at {reached}, the journal of {source} at {due}, for {}", seconds(around.patience));
    let mend = format!("does the {home} service run, and what does its log say of {name}?");
    Ok(Some((format!("{home}, checkpoint {name} from {source}"), what, mend)))
}

/// Whether what was erased goes from the dead letters.
async fn erasures(around: &Around) -> anyhow::Result<Stuck> {
    let (mut store, mut pending) = (around.connect(Service::Users).await?, 0);
    let done = around.eventually(async || {
        pending = inspection::pending_erasures(&mut store).await?;
        Ok(pending == 0)
    });
    if done.await? {
        return Ok(None);
    }
    let what = format!("{pending} texts that were erased are still looked for in dead letters");
    let mend = "does the users service run, and what does its log say of erasures?".to_owned();
    Ok(Some(("users, table erasures".to_owned(), what, mend)))
}

async fn dead_letters(around: &Around, findings: &mut Findings) -> anyhow::Result<()> {
    let client = Client::connect(around.nats.clone(), "/marquee/verify", Bounds::default()).await;
    let client = client.map_err(anyhow::Error::from_boxed)?;
    let mut after = 0;
    loop {
        let page = client.letters(None, after, Limit::MOST).await?;
        for letter in page.items {
            after = letter.sequence;
            let place = format!("{}, dead letter {after}", letter.service);
            // Not the reason: it may quote what somebody wrote of themselves.
            let what = format!("{}, set aside at {}", letter.command().unwrap_or("a command"), letter.buried_at);
            findings.add(place, what, format!("marquee dlq show {after}, then marquee dlq retry or drop"));
        }
        if page.cursor.is_none() {
            return Ok(());
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}
