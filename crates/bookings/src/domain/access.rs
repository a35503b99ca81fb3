//! Who may do what with bookings. A stranger's booking is not there, so nobody learns which ids there are.

use contracts::ids::{BookingId, UserId};
use contracts::{Actor, Case, Problem};

use super::{Seating, not_found};

/// Customers book for themselves, staff for anybody.
///
/// # Errors
/// `Unauthenticated`, `Forbidden`.
pub fn may_book_for(actor: &Actor, user: UserId) -> Result<(), Problem> {
    match actor {
        actor if actor.is_staff() || actor.is(user) => Ok(()),
        Actor::Anonymous => Err(Problem::new(Case::Unauthenticated, "only who has signed in can book")),
        _ => Err(Problem::new(Case::Forbidden, "only staff book for somebody else")),
    }
}

/// Customers change and cancel what is theirs, staff anything.
///
/// # Errors
/// `NotFound`, also for a stranger's booking.
pub fn may_change(actor: &Actor, seating: &Seating, id: BookingId) -> Result<(), Problem> {
    if actor.is_staff() || is_theirs(actor, seating, id) { Ok(()) } else { Err(not_found(id)) }
}

/// Staff check in.
///
/// # Errors
/// `NotFound` for a stranger's booking, `Forbidden` for one's own.
pub fn may_check_in(actor: &Actor, seating: &Seating, id: BookingId) -> Result<(), Problem> {
    may_change(actor, seating, id)?;
    if actor.is_staff() { Ok(()) } else { Err(Problem::new(Case::Forbidden, "only staff check in")) }
}

/// What clears a cancelled showtime or an erased user of bookings is for reactions, and for admins who help out.
///
/// # Errors
/// `Forbidden`.
pub fn may_clear(actor: &Actor) -> Result<(), Problem> {
    if actor.is_admin() { Ok(()) } else { Err(Problem::new(Case::Forbidden, "this follows by itself")) }
}

fn is_theirs(actor: &Actor, seating: &Seating, id: BookingId) -> bool {
    seating.booking(id).is_some_and(|booked| actor.is(booked.user_id))
}
