//! Who sits where in one showtime.
//!
//! All seats of a showtime are one consistency boundary: a seat is sold once because every booking of the showtime
//! is decided, one after the other, against this one state.

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contracts::bookings::{
    BookingCancelled, BookingEvent, BookingPlaced, BookingStatus, CancelBooking, CancelReason, CancelShowtimeBookings,
    CancelUserBookings, ChangeSeats, MAX_SEATS, PlaceBooking, SeatsChanged, SoldSeat,
};
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::layout::Seat;
use contracts::showtimes::{CheckedShowtime, ShowtimeStatus};
use contracts::{Case, FieldError, Problem};

use super::booked::{Booked, total};
use super::facts::{Facts, not_started, open, unknown_references, unknown_showtime};

/// All bookings of one showtime.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seating {
    bookings: BTreeMap<BookingId, Booked>,
    /// The seats of all bookings that stand.
    taken: BTreeMap<Seat, BookingId>,
    /// How many of them each user has, so that the cap costs no walk through all bookings.
    held: BTreeMap<UserId, usize>,
}

/// What is there.
impl Seating {
    /// One booking, cancelled or not.
    pub fn booking(&self, id: BookingId) -> Option<&Booked> {
        self.bookings.get(&id)
    }

    /// Every booking, cancelled or not, oldest id first.
    pub fn bookings(&self) -> impl Iterator<Item = (BookingId, &Booked)> {
        self.bookings.iter().map(|(id, booked)| (*id, booked))
    }

    /// The booking that has this seat.
    pub fn owner(&self, seat: Seat) -> Option<BookingId> {
        self.taken.get(&seat).copied()
    }
}

/// What is decided.
impl Seating {
    /// Books seats for a user at today's prices.
    ///
    /// # Errors
    /// `AlreadyExists`, `UnknownReference`, `ShowtimeCancelled`, `ShowtimeStarted`, `TooManySeats`, or
    /// `SeatsUnavailable` with the reason for each seat that cannot be had.
    pub fn place(
        &self,
        id: BookingId,
        command: &PlaceBooking,
        facts: Facts<'_>,
        now: DateTime<Utc>,
    ) -> Result<BookingPlaced, Problem> {
        if self.bookings.contains_key(&id) {
            return Err(Problem::new(Case::AlreadyExists, format!("booking {id} exists already")));
        }
        let checked = match facts.showtime {
            Some(checked) if facts.user_may_book => checked,
            _ => return Err(unknown_references(command, facts)),
        };
        open(&checked.showtime, now)?;
        let wanted = command.seats.as_slice();
        self.check_cap(command.user_id, 0, wanted.len())?;
        let seats = self.sell(wanted, None, checked)?;
        Ok(BookingPlaced { booking_id: id, showtime_id: checked.showtime.id, user_id: command.user_id, seats })
    }

    /// Gives a booking other seats, all or none. Seats that it keeps cost what they were sold for, others today's price.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `BookingCancelled`, and as [`Seating::place`].
    pub fn change_seats(
        &self,
        command: &ChangeSeats,
        if_version: Option<u32>,
        checked: Option<&CheckedShowtime>,
        now: DateTime<Utc>,
    ) -> Result<SeatsChanged, Problem> {
        let booked = self.changeable(command.id, if_version)?;
        let checked = checked.ok_or_else(unknown_showtime)?;
        open(&checked.showtime, now)?;
        let wanted = command.seats.as_slice();
        self.check_cap(booked.user_id, booked.seats.len(), wanted.len())?;
        let seats = self.sell(wanted, Some(booked), checked)?;
        Ok(SeatsChanged { booking_id: command.id, showtime_id: checked.showtime.id, seats })
    }

    /// Cancels a booking. Of a cancelled showtime that is always possible, else only until the start.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `BookingCancelled`, `UnknownReference`, `ShowtimeStarted`.
    pub fn cancel(
        &self,
        command: &CancelBooking,
        if_version: Option<u32>,
        checked: Option<&CheckedShowtime>,
        now: DateTime<Utc>,
    ) -> Result<BookingCancelled, Problem> {
        self.changeable(command.id, if_version)?;
        let showtime = &checked.ok_or_else(unknown_showtime)?.showtime;
        if showtime.status == ShowtimeStatus::Scheduled {
            not_started(showtime, now)?;
        }
        Ok(cancelled(command.id, showtime.id, CancelReason::Requested))
    }

    /// Cancels every booking that stands. A showtime that takes place is left alone, since people can type this
    /// command by hand.
    ///
    /// # Errors
    /// `UnknownReference`, `ShowtimeNotCancelled`.
    pub fn cancel_all(
        &self,
        command: &CancelShowtimeBookings,
        checked: Option<&CheckedShowtime>,
    ) -> Result<Vec<BookingCancelled>, Problem> {
        let showtime = &checked.ok_or_else(unknown_showtime)?.showtime;
        if showtime.status != ShowtimeStatus::Cancelled {
            let detail = format!("showtime {} is not cancelled, so its bookings stand", command.showtime_id);
            return Err(Problem::new(Case::ShowtimeNotCancelled, detail));
        }
        let standing = self.bookings().filter(|(_, booked)| booked.stands());
        Ok(standing.map(|(id, _)| cancelled(id, showtime.id, CancelReason::ShowtimeCancelled)).collect())
    }

    /// Cancels every booking of an erased user, unless the showtime has started: then they sit there, or sat.
    ///
    /// # Errors
    /// `UserNotDeleted` for a user who still may book, `UnknownReference`.
    pub fn cancel_user(
        &self,
        command: &CancelUserBookings,
        facts: Facts<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<BookingCancelled>, Problem> {
        if facts.user_may_book {
            let detail = format!("user {} is not deleted, so their bookings stand", command.user_id);
            return Err(Problem::new(Case::UserNotDeleted, detail));
        }
        let showtime = &facts.showtime.ok_or_else(unknown_showtime)?.showtime;
        if showtime.status == ShowtimeStatus::Scheduled && not_started(showtime, now).is_err() {
            return Ok(Vec::new());
        }
        let theirs = self.bookings().filter(|(_, booked)| booked.user_id == command.user_id && booked.stands());
        Ok(theirs.map(|(id, _)| cancelled(id, showtime.id, CancelReason::UserDeleted)).collect())
    }

    fn changeable(&self, id: BookingId, if_version: Option<u32>) -> Result<&Booked, Problem> {
        let missing = || Problem::new(Case::NotFound, format!("there is no booking {id}"));
        let booked = self.booking(id).ok_or_else(missing)?;
        booked.check_changeable(id, if_version)?;
        Ok(booked)
    }

    /// The user gives `returned` seats back and wants `wanted`.
    fn check_cap(&self, user: UserId, returned: usize, wanted: usize) -> Result<(), Problem> {
        let others = self.held.get(&user).copied().unwrap_or(0).saturating_sub(returned);
        if others + wanted <= MAX_SEATS {
            return Ok(());
        }
        let detail = format!(
            "a user can have {MAX_SEATS} seats of a showtime at most; {wanted} beside the {others} in other bookings are too many"
        );
        Err(Problem::new(Case::TooManySeats, detail))
    }

    /// Prices the wanted seats, or says of all that cannot be had why.
    fn sell(&self, wanted: &[Seat], own: Option<&Booked>, checked: &CheckedShowtime) -> Result<Vec<SoldSeat>, Problem> {
        let mut sold = Vec::with_capacity(wanted.len());
        let mut errors = Vec::new();
        for seat in wanted {
            match self.sell_seat(*seat, own, checked) {
                Ok(seat) => sold.push(seat),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            return Ok(sold);
        }
        let detail = format!("{} of {} seats cannot be booked", errors.len(), wanted.len());
        Err(Problem::new(Case::SeatsUnavailable, detail).with_errors(errors))
    }

    fn sell_seat(&self, seat: Seat, own: Option<&Booked>, checked: &CheckedShowtime) -> Result<SoldSeat, FieldError> {
        if let Some(kept) = own.and_then(|own| own.seats.iter().find(|kept| kept.seat == seat)) {
            return Ok(kept.clone());
        }
        let refused = |reason: &str, what: &str| {
            Err(FieldError::new(format!("seats.{seat}"), reason, format!("seat {seat} {what}")))
        };
        if self.taken.contains_key(&seat) {
            return refused("taken", "is taken");
        }
        let Some(category) = checked.sold.get(&seat) else {
            return match checked.blocked.contains(&seat) {
                true => refused("blocked", "is not sold"),
                false => refused("unknown", "is not in the hall"),
            };
        };
        match checked.showtime.prices.get(category) {
            Some(price) => Ok(SoldSeat { seat, category: category.clone(), price: price.clone() }),
            // The schedule asks for a price for each category; should one be missing, nobody sits for nothing.
            None => refused("blocked", "has no price"),
        }
    }
}

/// What has happened.
impl Seating {
    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &BookingEvent, at: DateTime<Utc>) {
        match event {
            BookingEvent::Placed(event) => {
                // No event is without seats: `Seats` has at least one.
                let Some(total) = total(&event.seats) else { return };
                let (user_id, seats) = (event.user_id, event.seats.clone());
                let status = BookingStatus::Confirmed;
                let booked = Booked { user_id, seats, total, version: 1, status, created_at: at, updated_at: at };
                self.take(event.booking_id, user_id, &event.seats);
                self.bookings.insert(event.booking_id, booked);
            }
            BookingEvent::SeatsChanged(event) => {
                let Some(total) = total(&event.seats) else { return };
                let Some(user_id) = self.release(event.booking_id) else { return };
                self.take(event.booking_id, user_id, &event.seats);
                self.change(event.booking_id, at, |booked| {
                    booked.seats.clone_from(&event.seats);
                    booked.total = total;
                });
            }
            BookingEvent::Cancelled(event) => {
                self.release(event.booking_id);
                self.change(event.booking_id, at, |booked| booked.status = BookingStatus::Cancelled);
            }
        }
    }

    fn take(&mut self, id: BookingId, user: UserId, seats: &[SoldSeat]) {
        self.taken.extend(seats.iter().map(|sold| (sold.seat, id)));
        *self.held.entry(user).or_default() += seats.len();
    }

    /// Frees a standing booking's seats and tells whose they were.
    fn release(&mut self, id: BookingId) -> Option<UserId> {
        let booked = self.bookings.get(&id).filter(|booked| booked.stands())?;
        for sold in &booked.seats {
            self.taken.remove(&sold.seat);
        }
        if let Some(held) = self.held.get_mut(&booked.user_id) {
            *held = held.saturating_sub(booked.seats.len());
        }
        Some(booked.user_id)
    }

    fn change(&mut self, id: BookingId, at: DateTime<Utc>, change: impl FnOnce(&mut Booked)) {
        if let Some(booked) = self.bookings.get_mut(&id) {
            change(booked);
            booked.version += 1;
            booked.updated_at = at;
        }
    }
}

fn cancelled(booking_id: BookingId, showtime_id: ShowtimeId, reason: CancelReason) -> BookingCancelled {
    BookingCancelled { booking_id, showtime_id, reason }
}
