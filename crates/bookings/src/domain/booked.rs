//! One booking of a showtime's seats.

use chrono::{DateTime, Utc};
use contracts::bookings::{Booking, BookingStatus, ShowtimeRef, SoldSeat};
use contracts::ids::{BookingId, UserId};
use contracts::money::Money;
use contracts::showtimes::Showtime;
use contracts::{Case, Problem};

/// A booking as [`super::Seating`] knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Booked {
    /// For whom.
    pub user_id: UserId,
    /// The seats and what they were sold for; a cancelled booking keeps them for the record.
    pub seats: Vec<SoldSeat>,
    /// What they cost together.
    pub total: Money,
    /// Counts this booking's own events from 1; the stream's version counts those of all bookings of the showtime.
    pub version: u32,
    /// Whether it stands.
    pub status: BookingStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Booked {
    /// True while its seats are its own.
    pub fn stands(&self) -> bool {
        self.status == BookingStatus::Confirmed
    }

    /// What others get to see of it.
    pub fn view(&self, id: BookingId, showtime: &Showtime) -> Booking {
        Booking {
            id,
            version: self.version,
            user_id: self.user_id,
            movie: showtime.movie.clone(),
            showtime: ShowtimeRef { id: showtime.id, starts_at: showtime.starts_at, hall: showtime.hall.clone() },
            seats: self.seats.clone(),
            total: self.total.clone(),
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
        if !self.stands() {
            return Err(Problem::new(Case::BookingCancelled, format!("booking {id} is cancelled")));
        }
        Ok(())
    }
}

/// What these seats cost together; `None` for no seats. A showtime's prices never change their currency, so the first
/// seat's is that of all.
pub fn total(seats: &[SoldSeat]) -> Option<Money> {
    let currency = seats.first()?.price.currency;
    let amount = seats.iter().fold(0, |sum: u32, seat| sum.saturating_add(seat.price.amount));
    Some(Money { amount, currency })
}
