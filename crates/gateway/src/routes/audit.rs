//! Who did what when, from the services' journals.

use std::collections::VecDeque;

use axum::response::Response;
use chrono::{DateTime, Utc};
use contracts::audit::{AuditEntry, AuditOrder, GetAudit};
use contracts::ids::BookingId;
use contracts::page::{Limit, Page, read_cursor};
use contracts::{Positions, Service};
use futures_util::future::try_join_all;
use serde::Deserialize;
use uuid::Uuid;

use super::bookings::their_booking;
use crate::audited::AuditedEvent;
use crate::examples;
use crate::gateway::Asking;
use crate::input::{Filter, Id};
use crate::instead::Instead;
use crate::listing::Listing;

/// Which part of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// Who did what with a booking
///
/// Your own, or for staff anybody's; what happened first comes first.
#[utoipa::path(
    get, path = "/api/bookings/{id}/history", tag = "bookings", operation_id = "list_booking_history",
    params(("id" = String, Path, format = Uuid, description = "Of which", example = json!(examples::booking(1)))),
    responses((status = 200, description = "A page of what happened", body = Listing<AuditedEvent>)),
)]
pub(crate) async fn history(
    asking: Asking,
    Id(id): Id<BookingId>,
    Filter(Part { limit, cursor }): Filter<Part>,
) -> Result<Response, Instead> {
    their_booking(&asking, id).await?;
    let order = AuditOrder::OldestFirst;
    let question = GetAudit { entity_ids: vec![id.0], order, limit, cursor, ..GetAudit::default() };
    let Page { items, cursor } = asking.gateway.client.audit(Service::Bookings, &question).await?;
    let seen = items.into_iter().map(|entry| AuditedEvent::from(entry).seen_by(&asking.caller.actor));
    Ok(asking.show(Page { items: seen.collect(), cursor }))
}

/// Which entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    service: Option<Service>,
    entity_id: Option<Uuid>,
    account: Option<String>,
    #[serde(rename = "type")]
    event_type: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// Who did what
///
/// For admins: what all services recorded, what happened last first. All filters hold together.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", operation_id = "list_audit",
    params(
        ("service" = Option<Service>, Query, description = "Only what this service recorded"),
        ("entity_id" = Option<Uuid>, Query, description = "Only what happened to this thing"),
        ("account" = Option<String>, Query,
            description = "Only what they did: `user:<id>`, `key:<id>`, `machine`, `operator`, `reaction:<name>`, `anonymous`"),
        ("type" = Option<String>, Query, description = "Only events of this type, such as `booking-placed.v1`"),
        ("from" = Option<DateTime<Utc>>, Query, description = "Only from this time on"),
        ("to" = Option<DateTime<Utc>>, Query, description = "Only before this time"),
    ),
    responses((status = 200, description = "A page of what happened", body = Listing<AuditedEvent>)),
)]
pub(crate) async fn list(asking: Asking, Filter(wanted): Filter<Wanted>) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    let reached: Positions = read_cursor(wanted.cursor.as_deref())?.unwrap_or_default();
    let services = Service::ALL.into_iter().filter(|service| wanted.service.is_none_or(|only| only == *service));
    let pages = services.map(async |service| {
        let position = reached.iter().find(|(known, _)| *known == service).map(|(_, position)| position.to_string());
        let question = wanted.question(position);
        asking.gateway.client.audit(service, &question).await.map(|page| (service, page))
    });
    Ok(asking.show(merged(try_join_all(pages).await?, wanted.limit)))
}

impl Wanted {
    fn question(&self, cursor: Option<String>) -> GetAudit {
        GetAudit {
            entity_ids: self.entity_id.into_iter().collect(),
            account: self.account.clone(),
            event_type: self.event_type.clone(),
            from: self.from,
            to: self.to,
            order: AuditOrder::NewestFirst,
            limit: self.limit,
            cursor,
        }
    }
}

/// What a service answered, as far as it is not shown yet.
struct Rest {
    service: Service,
    /// Only what stands below this position is for a later page. Not what is yet to come: that would be out of order.
    below: u64,
    entries: VecDeque<AuditEntry>,
}

/// One page of what each service answered. Its cursor has for each of them how far down it was shown.
fn merged(pages: Vec<(Service, Page<AuditEntry>)>, limit: Limit) -> Page<AuditedEvent> {
    let mut more = pages.iter().any(|(_, page)| page.cursor.is_some());
    let mut rest: Vec<Rest> = pages
        .into_iter()
        .map(|(service, Page { items, .. })| {
            let below = items.first().map_or(1, |entry| entry.position + 1);
            Rest { service, below, entries: items.into() }
        })
        .collect();
    let mut items = Vec::new();
    while items.len() < usize::from(u16::from(limit)) {
        let next = rest.iter_mut().max_by_key(|rest| rest.entries.front().map(|entry| entry.recorded_at));
        let Some((rest, entry)) = next.and_then(|rest| rest.entries.pop_front().map(|entry| (rest, entry))) else {
            break;
        };
        rest.below = entry.position;
        items.push(entry.into());
    }
    let mut reached = Positions::default();
    for Rest { service, below, entries } in rest {
        more |= !entries.is_empty();
        reached.merge(&Positions::of(service, below));
    }
    Page { items, cursor: more.then(|| reached.to_string()) }
}
