//! Who sits where in one showtime.
//!
//! All seats of a showtime are one consistency boundary: a seat is sold once because every booking of the showtime
//! is decided, one after the other, against this one state.

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contracts::bookings::{
    BookingCancelled, BookingCheckedIn, BookingEvent, BookingPlaced, CancelBooking, CancelReason,
    CancelShowtimeBookings, CancelUserBookings, ChangeSeats, CheckIn, MAX_SEATS, PlaceBooking, SeatsChanged, SoldSeat,
};
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::layout::Seat;
use contracts::showtimes::{CheckedShowtime, ShowtimeStatus};
use contracts::{Case, Problem};

use super::booked::Booked;
use super::facts::{Facts, not_started, open, takes_place, unknown_references, unknown_showtime};
use super::sale::sell;

/// What a booking of one seat takes with its entries in the maps below, in bytes: so much more memory a booking, 100,000
/// bookings took.
const BOOKING: usize = 226;

/// All bookings of one showtime.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seating {
    /// In boxes, because the nodes of a map that grows at its end are half empty: a sixth less memory.
    bookings: BTreeMap<BookingId, Box<Booked>>,
    /// The seats of all bookings that stand.
    taken: BTreeSet<Seat>,
    /// How many of them each user has, so that the cap costs no walk through all bookings. Whoever ever booked is here.
    held: BTreeMap<UserId, u8>,
}

/// As a store knows it that keeps seats and bookings rather than events.
impl Seating {
    /// With these seats taken, and for whom. Only those need be there that a decision is about: the seats that are wanted,
    /// and all of the user's.
    pub fn of(taken: impl IntoIterator<Item = (Seat, UserId)>) -> Self {
        let mut seating = Self::default();
        for (seat, user) in taken {
            seating.taken.insert(seat);
            let held = seating.held.entry(user).or_default();
            *held = held.saturating_add(1);
        }
        seating
    }

    /// The same, with one booking known: the one that a decision is about.
    pub fn with(mut self, id: BookingId, booked: Booked) -> Self {
        self.bookings.insert(id, Box::new(booked));
        self
    }
}

/// What is there.
impl Seating {
    /// One booking, cancelled or not.
    pub fn booking(&self, id: BookingId) -> Option<&Booked> {
        self.bookings.get(&id).map(Box::as_ref)
    }

    /// Every booking, cancelled or not, oldest id first.
    pub fn bookings(&self) -> impl Iterator<Item = (BookingId, &Booked)> {
        self.bookings.iter().map(|(id, booked)| (*id, booked.as_ref()))
    }

    /// True for a seat of a booking that stands.
    pub fn is_taken(&self, seat: Seat) -> bool {
        self.taken.contains(&seat)
    }

    /// How much memory it takes, in bytes, about.
    pub fn bytes(&self) -> usize {
        self.bookings.len() * BOOKING
    }

    /// True for a user who has, or had, a booking here.
    pub fn knows(&self, user: UserId) -> bool {
        self.held.contains_key(&user)
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
            return Err(already_exists(id));
        }
        let Some(checked) = facts.showtime.filter(|_| facts.user_may_book) else {
            return Err(unknown_references(command, facts));
        };
        open(&checked.showtime, facts.closed, now)?;
        let wanted = command.seats.as_slice();
        self.check_cap(command.user_id, 0, wanted.len())?;
        let seats = sell(wanted, &[], |seat| self.is_taken(seat), checked)?;
        Ok(BookingPlaced { booking_id: id, showtime_id: checked.showtime.id, user_id: command.user_id, seats })
    }

    /// Gives a booking other seats, all or none. Seats that it keeps cost what they were sold for, others today's price.
    /// Where bookings were cancelled with their showtime, none stands that could be changed.
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
        open(&checked.showtime, false, now)?;
        let wanted = command.seats.as_slice();
        self.check_cap(booked.user_id, booked.seats.len(), wanted.len())?;
        let others = |seat| self.is_taken(seat) && !booked.has(seat);
        let seats = sell(wanted, &booked.seats, others, checked)?;
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

    /// Notes that a booking's holders have come.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `BookingCancelled`, `BookingCheckedIn`, `UnknownReference`, `ShowtimeCancelled`.
    pub fn check_in(
        &self,
        command: &CheckIn,
        if_version: Option<u32>,
        checked: Option<&CheckedShowtime>,
    ) -> Result<BookingCheckedIn, Problem> {
        self.changeable(command.id, if_version)?;
        let showtime = &checked.ok_or_else(unknown_showtime)?.showtime;
        takes_place(showtime, false)?;
        Ok(BookingCheckedIn { booking_id: command.id, showtime_id: showtime.id })
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

    /// Cancels every booking that an erased user has here, unless the showtime has started: then they sit there, or
    /// sat. A showtime that nothing is known of was booked a moment ago, so it has not started.
    pub fn cancel_user(
        &self,
        command: &CancelUserBookings,
        showtime_id: ShowtimeId,
        checked: Option<&CheckedShowtime>,
        now: DateTime<Utc>,
    ) -> Vec<BookingCancelled> {
        let takes_place = checked.filter(|checked| checked.showtime.status == ShowtimeStatus::Scheduled);
        if takes_place.is_some_and(|checked| not_started(&checked.showtime, now).is_err()) {
            return Vec::new();
        }
        let theirs = self.bookings().filter(|(_, booked)| booked.user_id == command.user_id && booked.stands());
        theirs.map(|(id, _)| cancelled(id, showtime_id, CancelReason::UserDeleted)).collect()
    }

    fn changeable(&self, id: BookingId, if_version: Option<u32>) -> Result<&Booked, Problem> {
        let booked = self.booking(id).ok_or_else(|| not_found(id))?;
        booked.check_changeable(id, if_version)?;
        Ok(booked)
    }

    /// The user gives `returned` seats back and wants `wanted`.
    fn check_cap(&self, user: UserId, returned: usize, wanted: usize) -> Result<(), Problem> {
        let others = usize::from(self.held.get(&user).copied().unwrap_or(0)).saturating_sub(returned);
        if others + wanted <= MAX_SEATS {
            return Ok(());
        }
        let detail = format!(
            "a user can have {MAX_SEATS} seats of a showtime at most; {wanted} beside the {others} in other bookings are too many"
        );
        Err(Problem::new(Case::TooManySeats, detail))
    }
}

/// What has happened.
impl Seating {
    /// The booking of this event as it stands after it; `None` when the event fits no booking.
    pub fn after(&self, event: &BookingEvent, at: DateTime<Utc>) -> Option<(BookingId, Booked)> {
        let known = |id| self.booking(id).cloned();
        match event {
            BookingEvent::Placed(event) => Some((event.booking_id, Booked::placed(event, at)?)),
            BookingEvent::SeatsChanged(event) => {
                Some((event.booking_id, known(event.booking_id)?.with_seats(&event.seats, at)))
            }
            BookingEvent::CheckedIn(event) => Some((event.booking_id, known(event.booking_id)?.checked_in(at))),
            BookingEvent::Cancelled(event) => Some((event.booking_id, known(event.booking_id)?.cancelled(at))),
        }
    }

    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &BookingEvent, at: DateTime<Utc>) {
        let Some((id, booked)) = self.after(event, at) else { return };
        self.release(id);
        self.take(&booked);
        self.bookings.insert(id, Box::new(booked));
    }

    fn release(&mut self, id: BookingId) {
        let Some(booked) = self.bookings.get(&id).filter(|booked| booked.stands()) else { return };
        for sold in &booked.seats {
            self.taken.remove(&sold.seat);
        }
        if let Some(held) = self.held.get_mut(&booked.user_id) {
            *held = held.saturating_sub(count(&booked.seats));
        }
    }

    fn take(&mut self, booked: &Booked) {
        if booked.stands() {
            self.taken.extend(booked.seats.iter().map(|sold| sold.seat));
            let held = self.held.entry(booked.user_id).or_default();
            *held = held.saturating_add(count(&booked.seats));
        }
    }
}

/// How many seats these are: [`MAX_SEATS`] at most.
fn count(seats: &[SoldSeat]) -> u8 {
    u8::try_from(seats.len()).unwrap_or(u8::MAX)
}

fn cancelled(booking_id: BookingId, showtime_id: ShowtimeId, reason: CancelReason) -> BookingCancelled {
    BookingCancelled { booking_id, showtime_id, reason }
}

/// The refusal to create what is there.
pub fn already_exists(id: BookingId) -> Problem {
    Problem::new(Case::AlreadyExists, format!("booking {id} exists already"))
}

/// The refusal to change what is not there.
pub fn not_found(id: BookingId) -> Problem {
    Problem::new(Case::NotFound, format!("there is no booking {id}"))
}
