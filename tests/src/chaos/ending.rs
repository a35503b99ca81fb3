//! What there is in the end: every journal by SQL, every stream from the broker, all that REST shows an admin.

use std::collections::BTreeMap;

use contracts::Service;
use contracts::subjects::headers::COMMAND_ID;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Text, Unsigned};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::history::{Ending, Kept, Message, Row};
use crate::{Api, Broker, Cinema};

/// Looks at all of a cinema that has settled, after so many milliseconds or never, and lets `marquee verify` look too.
/// What REST refuses to show is kept as the problem that it answers with.
pub async fn collect(cinema: &Cinema, settled_ms: Option<u64>) -> Ending {
    let broker = cinema.broker().await;
    let mut services = BTreeMap::new();
    for service in Service::ALL {
        services.insert(service, kept(cinema, &broker, service).await);
    }
    Ending { settled_ms, services, reads: reads(&cinema.api).await, verify: cinema.verify(&[]).await }
}

#[derive(QueryableByName)]
struct JournalRow {
    #[diesel(sql_type = Unsigned<BigInt>)]
    position: u64,
    #[diesel(sql_type = Binary)]
    stream_id: Vec<u8>,
    #[diesel(sql_type = Unsigned<Integer>)]
    version: u32,
    #[diesel(sql_type = Binary)]
    entity_id: Vec<u8>,
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Text)]
    data: String,
    #[diesel(sql_type = Binary)]
    command_id: Vec<u8>,
}

#[derive(QueryableByName)]
struct OutcomeRow {
    #[diesel(sql_type = Binary)]
    command_id: Vec<u8>,
    #[diesel(sql_type = Bool)]
    accepted: bool,
}

async fn kept(cinema: &Cinema, broker: &Broker, service: Service) -> Kept {
    // Plain SQL, since the checker is to know of the tables what an operator does, not what the services' code does.
    let url = &cinema.database.urls()[&service];
    let mut connection = AsyncMysqlConnection::establish(url).await.expect("a connection");
    let rows: Vec<JournalRow> = diesel::sql_query(
        "SELECT position, stream_id, version, entity_id, event_type, data, command_id FROM journal ORDER BY position",
    )
    .load(&mut connection)
    .await
    .expect("a journal");
    let outcomes: Vec<OutcomeRow> =
        diesel::sql_query("SELECT command_id, accepted FROM outcomes").load(&mut connection).await.expect("outcomes");
    Kept {
        journal: rows.into_iter().map(row).collect(),
        stream: stream(broker, service).await,
        outcomes: outcomes.into_iter().map(|row| (id(&row.command_id), row.accepted)).collect(),
        dead_letters: dead_letters(broker, service).await,
    }
}

fn row(row: JournalRow) -> Row {
    Row {
        position: row.position,
        stream_id: id(&row.stream_id),
        version: row.version.into(),
        entity_id: id(&row.entity_id),
        event_type: row.event_type,
        data: serde_json::from_str(&row.data).expect("JSON"),
        command_id: id(&row.command_id),
    }
}

fn id(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).expect("an id")
}

async fn stream(broker: &Broker, service: Service) -> Vec<Message> {
    let last = broker.last_sequence(service).await;
    let events = broker.events(service, last).await.into_iter();
    let message = |mut event: crate::Event| Message {
        sequence: event.sequence,
        event_type: event.attributes.remove("type").unwrap_or_default(),
        data: event.data,
    };
    events.map(message).collect()
}

async fn dead_letters(broker: &Broker, service: Service) -> Vec<Uuid> {
    let subject = service.dead_letters();
    let letters = broker.dead_letters().await.into_iter();
    let theirs = letters.filter(|letter| letter.subject.as_str() == subject);
    theirs.filter_map(|letter| letter.headers.as_ref()?.get(COMMAND_ID)?.as_str().parse().ok()).collect()
}

async fn reads(api: &Api) -> BTreeMap<String, Value> {
    let mut reads = BTreeMap::new();
    for path in ["/api/users", "/api/movies", "/api/halls", "/api/showtimes", "/api/bookings"] {
        reads.insert(path.to_owned(), list(api, path).await);
    }
    for user in ids(&reads["/api/users"]) {
        let path = format!("/api/users/{user}/bookings");
        let bookings = list(api, &path).await;
        reads.insert(path, bookings);
    }
    for showtime in ids(&reads["/api/showtimes"]) {
        let path = format!("/api/showtimes/{showtime}/seats");
        let seats = api.get(&path).await.body;
        reads.insert(path, seats);
    }
    reads
}

fn ids(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item["id"].as_str().map(str::to_owned)).collect()
}

/// All items of a list as one array, or the problem that came instead of a page.
async fn list(api: &Api, path: &str) -> Value {
    let mut items = Vec::new();
    let mut next = format!("{path}?limit=200");
    loop {
        let page = api.get(&next).await;
        let Value::Array(found) = &page.body["items"] else { return page.body };
        items.extend(found.iter().cloned());
        match page.body["next"].as_str() {
            Some(link) => next = link.to_owned(),
            None => return Value::Array(items),
        }
    }
}
