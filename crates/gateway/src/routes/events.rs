//! What happens, as it happens.

use std::sync::Arc;

use axum::response::Response;
use contracts::Service;

use crate::examples;
use crate::gateway::Asking;
use crate::instead::Instead;

/// Follow what happens
///
/// Server-sent events: each has the name of its type, such as `booking-placed.v1`, and as data a CloudEvent in JSON.
/// Customers see what is shown and when, their own bookings and what happens to their account; staff see all bookings and
/// users besides, and admins also sessions, API keys and roles.
///
/// It starts with whatever happens next, unless `from` says otherwise, and does not end by itself. When it breaks off,
/// come back with the last id as `Last-Event-ID`: nothing is missed and nothing comes twice. Events of one service come in
/// order; those of different services in any.
#[utoipa::path(
    get, path = "/api/events", tag = "events", operation_id = "follow_events",
    params(
        ("service" = Option<Vec<Service>>, Query, description = "Only of these services; may come several times, as the others may"),
        ("type" = Option<Vec<String>>, Query, description = "Only of these types, such as `booking-placed.v1`"),
        ("id" = Option<Vec<String>>, Query, description = "Only what happened to these things"),
        ("from" = Option<String>, Query, description = "Where to start: `beginning`, or a time such as `2030-01-31T20:00:00Z`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the event that came last, such as `u12.m40.b7`: start behind it"),
    ),
    responses(
        (status = 200, description = "The events", content_type = "text/event-stream", body = String, example = json!(examples::events())),
    ),
)]
pub(crate) async fn follow(asking: Asking) -> Result<Response, Instead> {
    Arc::clone(&asking.gateway.live).events(asking).await
}
