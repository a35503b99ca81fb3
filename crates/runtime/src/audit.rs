//! Who did what when. This one question is answered from the journal and not from a projection of it: what is asked for
//! is what has been recorded, and whoever was told of an outcome finds it there, because both were committed together.

use std::sync::Arc;

use contracts::audit::{self, AUDIT, AuditEntry, AuditOrder, ENTITIES, GetAudit};
use contracts::message::decode;
use contracts::page::{Page, read_cursor};
use contracts::{Problem, Service};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::value::RawValue;

use crate::database::{Database, Key, StoreError};
use crate::endpoints::{Endpoint, encode};
use crate::journal::{Row, utc};
use crate::schema::journal;

/// Answers what stands in the journal.
pub(crate) fn endpoint(service: Service, database: Database) -> Endpoint {
    Endpoint {
        subject: service.query(AUDIT),
        spec: audit::spec(),
        answer: None,
        kind: None,
        handler: Arc::new(move |message| {
            let database = database.clone();
            Box::pin(async move { encode(&page(service, &database, decode(&message.payload)?).await?) })
        }),
    }
}

/// A page of the journal.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere or too many things, `Unavailable`.
async fn page(service: Service, database: &Database, query: GetAudit) -> Result<Page<AuditEntry>, Problem> {
    if query.entity_ids.len() > ENTITIES {
        return Err(Problem::invalid("entity_ids", format!("must be at most {ENTITIES}")));
    }
    let last: Option<u64> = read_cursor(query.cursor.as_deref())?;
    let mut found = journal::table.select(Row::as_select()).limit(query.limit.rows()).into_boxed();
    found = match query.order {
        AuditOrder::NewestFirst => found.order(journal::position.desc()),
        AuditOrder::OldestFirst => found.order(journal::position),
    };
    match (last, query.order) {
        (Some(last), AuditOrder::NewestFirst) => found = found.filter(journal::position.lt(last)),
        (Some(last), AuditOrder::OldestFirst) => found = found.filter(journal::position.gt(last)),
        (None, _) => {}
    }
    if !query.entity_ids.is_empty() {
        found = found.filter(journal::entity_id.eq_any(query.entity_ids.into_iter().map(Key)));
    }
    if let Some(account) = query.account {
        found = found.filter(journal::account.eq(account));
    }
    if let Some(event_type) = query.event_type {
        found = found.filter(journal::event_type.eq(event_type));
    }
    if let Some(from) = query.from {
        found = found.filter(journal::recorded_at.ge(from.naive_utc()));
    }
    if let Some(to) = query.to {
        found = found.filter(journal::recorded_at.lt(to.naive_utc()));
    }
    let rows: Vec<Row> = found.load(&mut *database.connection().await?).await.map_err(StoreError::from)?;
    let entries = rows.into_iter().map(|row| entry(service, row)).collect::<Result<_, StoreError>>()?;
    Ok(Page::new(entries, query.limit, |entry: &AuditEntry| entry.position.to_string()))
}

fn entry(service: Service, row: Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        service,
        position: row.position,
        recorded_at: utc(row.recorded_at),
        actor: row.actor.parse().map_err(StoreError::Unreadable)?,
        command_id: row.command_id.0.into(),
        entity_id: row.entity_id.0,
        event_type: row.event_type,
        data: RawValue::from_string(row.data).map_err(|error| StoreError::Unreadable(error.to_string()))?,
    })
}
