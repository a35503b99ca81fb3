//! What is known of users and showtimes, and the refusals that follow from that alone.

use chrono::{DateTime, Utc};
use contracts::bookings::{CancelUserBookings, PlaceBooking};
use contracts::showtimes::{CheckedShowtime, Showtime, ShowtimeStatus};
use contracts::{Case, FieldError, Problem};

/// What is known of a new booking's user and showtime.
///
/// The other services were asked before the decision. What was erased or cancelled in between is known from this
/// service's own fences, which stand from the moment that bookings were cancelled for it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The showtime and the seats that are wanted of it; `None` when there is no such showtime.
    pub showtime: Option<&'a CheckedShowtime>,
    /// True once the showtime's bookings have been cancelled because it was.
    pub closed: bool,
    /// False for a user that does not exist, any more or at all.
    pub user_may_book: bool,
}

/// Refuses a showtime that does not take place or has begun.
pub(super) fn open(showtime: &Showtime, closed: bool, now: DateTime<Utc>) -> Result<(), Problem> {
    takes_place(showtime, closed)?;
    not_started(showtime, now)
}

/// Refuses a showtime that does not take place.
pub(super) fn takes_place(showtime: &Showtime, closed: bool) -> Result<(), Problem> {
    if closed || showtime.status == ShowtimeStatus::Cancelled {
        return Err(Problem::new(Case::ShowtimeCancelled, format!("showtime {} is cancelled", showtime.id)));
    }
    Ok(())
}

/// Refuses a showtime that has begun.
pub(super) fn not_started(showtime: &Showtime, now: DateTime<Utc>) -> Result<(), Problem> {
    if now < showtime.starts_at {
        return Ok(());
    }
    let detail = format!("showtime {} started at {}", showtime.id, showtime.starts_at.format("%FT%TZ"));
    Err(Problem::new(Case::ShowtimeStarted, detail))
}

/// Refuses to cancel the bookings of a user who still may book, since people can type that command by hand.
///
/// # Errors
/// `UserNotDeleted`.
pub fn check_erased(command: &CancelUserBookings, user_may_book: bool) -> Result<(), Problem> {
    if !user_may_book {
        return Ok(());
    }
    let detail = format!("user {} is not deleted, so their bookings stand", command.user_id);
    Err(Problem::new(Case::UserNotDeleted, detail))
}

/// A booking's showtime has to be there; should it not be, nothing is decided.
pub(super) fn unknown_showtime() -> Problem {
    let error = FieldError::new("showtime_id", "unknown", "there is no such showtime");
    Problem::new(Case::UnknownReference, "there is no such showtime").with_errors(vec![error])
}

/// Names what a new booking refers to in vain: the user, the showtime or both.
pub(super) fn unknown_references(command: &PlaceBooking, facts: Facts<'_>) -> Problem {
    let user = (!facts.user_may_book).then(|| ("user_id", format!("there is no user {}", command.user_id)));
    let showtime =
        facts.showtime.is_none().then(|| ("showtime_id", format!("there is no showtime {}", command.showtime_id)));
    let unknown: Vec<_> = [user, showtime].into_iter().flatten().collect();
    let detail = unknown.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", ");
    let errors = unknown.into_iter().map(|(field, text)| FieldError::new(field, "unknown", text)).collect();
    Problem::new(Case::UnknownReference, detail).with_errors(errors)
}
