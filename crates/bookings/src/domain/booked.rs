//! One booking of a showtime's seats.

use chrono::{DateTime, Utc};
use contracts::bookings::{Booking, BookingPlaced, BookingStatus, ShowtimeRef, SoldSeat};
use contracts::ids::{BookingId, UserId};
use contracts::layout::Seat;
use contracts::money::{Currency, Money};
use contracts::showtimes::MovieRef;
use contracts::{Case, Problem};

/// A booking as [`super::Seating`] knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Booked {
    /// For whom.
    pub user_id: UserId,
    /// The seats and what they were sold for; a cancelled booking keeps them for the record.
    pub seats: Box<[SoldSeat]>,
    /// In which all of them were sold, because a showtime's prices are all in one.
    pub currency: Currency,
    /// Counts this booking's own events from 1; the stream's version counts those of all bookings of the showtime.
    pub version: u32,
    /// Whether it stands.
    pub status: BookingStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What has happened to it. The read side adds events up in the same way.
impl Booked {
    /// A new booking; `None` for one without seats, which [`contracts::bookings::Seats`] makes impossible.
    pub fn placed(event: &BookingPlaced, at: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            user_id: event.user_id,
            seats: event.seats.as_slice().into(),
            currency: event.seats.first()?.price.currency,
            version: 1,
            status: BookingStatus::Confirmed,
            created_at: at,
            updated_at: at,
        })
    }

    /// The same booking with other seats.
    pub fn with_seats(self, seats: &[SoldSeat], at: DateTime<Utc>) -> Self {
        Self { seats: seats.into(), version: self.version + 1, updated_at: at, ..self }
    }

    /// The same booking, its holders having come.
    pub fn checked_in(self, at: DateTime<Utc>) -> Self {
        Self { status: BookingStatus::CheckedIn, version: self.version + 1, updated_at: at, ..self }
    }

    /// The same booking, cancelled.
    pub fn cancelled(self, at: DateTime<Utc>) -> Self {
        Self { status: BookingStatus::Cancelled, version: self.version + 1, updated_at: at, ..self }
    }
}

/// What is there.
impl Booked {
    /// True while its seats are its own.
    pub fn stands(&self) -> bool {
        self.status != BookingStatus::Cancelled
    }

    /// What its seats cost together.
    pub fn total(&self) -> Money {
        let amount = self.seats.iter().fold(0, |sum: u32, sold| sum.saturating_add(sold.price.amount));
        Money { amount, currency: self.currency }
    }

    /// True for one of its seats.
    pub(super) fn has(&self, seat: Seat) -> bool {
        self.seats.iter().any(|sold| sold.seat == seat)
    }

    /// What others get to see of it.
    pub fn view(self, id: BookingId, movie: MovieRef, showtime: ShowtimeRef) -> Booking {
        Booking {
            id,
            total: self.total(),
            version: self.version,
            user_id: self.user_id,
            movie,
            showtime,
            seats: self.seats.into_vec(),
            status: self.status,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// Refuses what cannot be changed any more, and what the caller has not seen in its present form.
    pub(super) fn check_changeable(&self, id: BookingId, if_version: Option<u32>) -> Result<(), Problem> {
        if let Some(seen) = if_version.filter(|seen| *seen != self.version) {
            let detail = format!("booking {id} has version {}, not {seen}", self.version);
            return Err(Problem::new(Case::VersionMismatch, detail));
        }
        match self.status {
            BookingStatus::Confirmed => Ok(()),
            BookingStatus::CheckedIn => {
                Err(Problem::new(Case::BookingCheckedIn, format!("booking {id} is checked in")))
            }
            BookingStatus::Cancelled => Err(Problem::new(Case::BookingCancelled, format!("booking {id} is cancelled"))),
        }
    }
}
