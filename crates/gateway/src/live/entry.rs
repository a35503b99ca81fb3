//! One event as listeners get it: written once, for however many.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::bookings::BookingEvent;
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::users::UserEvent;
use contracts::{EventSet, Service};
use runtime::events::Published;
use uuid::Uuid;

/// An event, ready to be sent.
#[derive(Debug)]
pub(crate) struct Entry {
    /// In whose journal it is.
    pub(crate) service: Service,
    /// Its place there.
    pub(crate) position: u64,
    /// Such as `booking-placed.v1`.
    pub(crate) event_type: String,
    /// The thing that it happened to.
    pub(crate) entity: Uuid,
    /// When it was decided.
    pub(crate) recorded_at: DateTime<Utc>,
    /// Whom it concerns.
    pub(crate) concerns: Concerns,
    /// The session or the API key that it ends.
    pub(crate) ends: Option<Uuid>,
    /// The showtime whose seats or prices it may change.
    pub(crate) showtime: Option<ShowtimeId>,
    /// The lines `event:` and `data:`, and the empty one behind them. The line `id:` is each listener's own.
    pub(crate) block: Bytes,
}

/// Whom an event concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concerns {
    /// Everybody: it's about what is shown.
    Everybody,
    /// This user, and staff.
    User(UserId),
    /// Whoever has this booking, and staff. Only its first event says who that is.
    Booking(BookingId, Option<UserId>),
    /// This user, if it is one's own, and admins: how somebody comes in.
    Access(Option<UserId>),
}

impl Entry {
    /// The event of this service; `None` when it is not JSON.
    pub(crate) fn new(service: Service, event: Published) -> Option<Self> {
        let (concerns, ends, showtime) = match service {
            Service::Users => user_event(&event),
            // A showtime's own events have its id; no other event of this service can have it.
            Service::Movies => (Concerns::Everybody, None, Some(ShowtimeId(event.entity))),
            Service::Bookings => booking_event(&event),
        };
        let Published { position, event_type, entity, recorded_at, json, .. } = event;
        let block = block(&event_type, str::from_utf8(&json?).ok()?);
        Some(Self { service, position, event_type, entity, recorded_at, concerns, ends, showtime, block })
    }
}

/// The lines of an event that everybody gets alike.
pub(super) fn block(event_type: &str, json: &str) -> Bytes {
    // A line ends the data; in JSON one can only stand where a space may.
    let data = match json.contains(['\n', '\r']) {
        true => json.replace(['\n', '\r'], " ").into(),
        false => Cow::from(json),
    };
    // Of its very length: `format!` takes twice as much, and it is kept.
    Bytes::from(["event: ", event_type, "\ndata: ", &data, "\n\n"].concat())
}

/// Whom an event concerns, what it ends, and the showtime that it may change.
type Meaning = (Concerns, Option<Uuid>, Option<ShowtimeId>);

fn booking_event(event: &Published) -> Meaning {
    let (owner, showtime) = match BookingEvent::decode(&event.event_type, &event.data) {
        Ok(BookingEvent::Placed(event)) => (Some(event.user_id), Some(event.showtime_id)),
        Ok(BookingEvent::SeatsChanged(event)) => (None, Some(event.showtime_id)),
        Ok(BookingEvent::CheckedIn(event)) => (None, Some(event.showtime_id)),
        Ok(BookingEvent::Cancelled(event)) => (None, Some(event.showtime_id)),
        // From a newer bookings service than this gateway knows.
        Err(_) => (None, None),
    };
    (Concerns::Booking(BookingId(event.entity), owner), None, showtime)
}

fn user_event(event: &Published) -> Meaning {
    let (concerns, ends) = match UserEvent::decode(&event.event_type, &event.data) {
        Ok(UserEvent::Registered(event)) => (Concerns::User(event.user_id), None),
        Ok(UserEvent::Updated(event)) => (Concerns::User(event.user_id), None),
        Ok(UserEvent::Deleted(event)) => (Concerns::User(event.user_id), None),
        Ok(UserEvent::PasswordChanged(event)) => (Concerns::Access(Some(event.user_id)), None),
        Ok(UserEvent::RolesChanged(event)) => (Concerns::Access(Some(event.user_id)), None),
        Ok(UserEvent::SessionOpened(event)) => (Concerns::Access(Some(event.user_id)), None),
        Ok(UserEvent::SessionClosed(event)) => (Concerns::Access(Some(event.user_id)), Some(event.session_id.0)),
        Ok(UserEvent::ApiKeyRevoked(event)) => (Concerns::Access(None), Some(event.key_id.0)),
        Ok(UserEvent::SessionRefreshed(_) | UserEvent::ApiKeyAdded(_)) => (Concerns::Access(None), None),
        // From a newer users service than this gateway knows: whom it concerns can't be told.
        Err(_) => (Concerns::Access(None), None),
    };
    (concerns, ends, None)
}
