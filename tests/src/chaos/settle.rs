//! Waiting until nothing lags: every command is decided, every event published, every projection and reaction has read
//! all there is, every program is ready.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream;
use contracts::Service;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Unsigned};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use tokio::time::{Instant, timeout};

use super::stage::Stage;
use crate::Cinema;
use crate::eventually::within;

/// How long to look; longer than it may take, so that what is late is told from what never comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(5);
/// So many looks in a row must find all done, since what is done may have made more to do.
const IN_A_ROW: u32 = 5;

#[derive(QueryableByName)]
struct Reached {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Unsigned<BigInt>)]
    position: u64,
}

/// How long it took, or what still lags when nobody waits any longer.
///
/// # Errors
/// What lags, in words.
pub async fn settle(stage: &Stage) -> Result<Duration, String> {
    let begun = Instant::now();
    let mut lagging = "nobody has looked yet".to_owned();
    let (mut first, mut settled) = (begun.elapsed(), 0);
    let looks = async || {
        let cinema = stage.cinema.lock().await;
        let what = match timeout(LOOK, look(&cinema)).await {
            Ok(Ok(None)) => {
                if settled == 0 {
                    first = begun.elapsed();
                }
                settled += 1;
                return (settled == IN_A_ROW).then_some(first);
            }
            Ok(Ok(Some(what))) => what,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("a look took {} s", LOOK.as_secs()),
        };
        settled = 0;
        if what != lagging {
            eprintln!("after {} ms: {what}", begun.elapsed().as_millis());
            lagging = what;
        }
        None
    };
    within(PATIENCE, looks).await.ok_or(lagging)
}

/// What lags, if something does.
async fn look(cinema: &Cinema) -> anyhow::Result<Option<String>> {
    for name in cinema.names() {
        let (status, said) = cinema.try_health(&name, "readyz").await?;
        if status != 200 {
            return Ok(Some(format!("{name} is not ready: {said}")));
        }
    }
    let jetstream = jetstream::new(cinema.broker().await.client);
    let mut heads = BTreeMap::new();
    let mut reached = Vec::new();
    for service in Service::ALL {
        let mut connection = AsyncMysqlConnection::establish(&cinema.database.urls()[&service]).await?;
        let head = "SELECT 'journal' AS name, 'head' AS source, position FROM journal_head";
        let head: Reached = diesel::sql_query(head).get_result(&mut connection).await?;
        heads.insert(service.name().to_owned(), head.position);
        let found = diesel::sql_query("SELECT projection AS name, source, position FROM checkpoints");
        reached.extend(found.load::<Reached>(&mut connection).await?);
        let waiting = jetstream.get_stream(service.commands_stream()).await?.cached_info().state.messages;
        if waiting > 0 {
            return Ok(Some(format!("{waiting} messages with commands wait for {service}")));
        }
        let last = jetstream.get_stream(service.events_stream()).await?.cached_info().state.last_sequence;
        if last != head.position {
            return Ok(Some(format!("the stream of {service} ends at {last}, its journal at {}", head.position)));
        }
    }
    Ok(reached.into_iter().find_map(|Reached { name, source, position }| {
        let head = heads.get(&source).copied().unwrap_or_default();
        (position != head).then(|| format!("{name} has read {source} up to {position} of {head}"))
    }))
}
