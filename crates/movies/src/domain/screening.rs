//! One showtime, as its hall knows it.

use chrono::{DateTime, Duration, Utc};
use contracts::ids::ShowtimeId;
use contracts::showtimes::{
    HallRef, MovieRef, Showtime, ShowtimeDetails, ShowtimeRescheduled, ShowtimeScheduled, ShowtimeStatus,
};

/// How long a hall is cleaned after a screening.
const CLEANING: Duration = Duration::minutes(15);

/// Showtimes start on full slots; a slot of a hall belongs to one screening at most.
pub(super) const SLOT: Duration = Duration::minutes(5);

/// A showtime, cancelled or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Screening {
    id: ShowtimeId,
    /// Counts this showtime's own events; the stream's version counts those of the hall and all its showtimes.
    version: u32,
    details: ShowtimeDetails,
    ends_at: DateTime<Utc>,
    status: ShowtimeStatus,
}

/// What is there.
impl Screening {
    /// One from what others get to see of it.
    pub fn of(view: Showtime) -> Self {
        let Showtime { id, version, movie, hall, starts_at, ends_at, format, language, prices, status } = view;
        let details = ShowtimeDetails { movie_id: movie.id, hall_id: hall.id, starts_at, format, language, prices };
        Self { id, version, details, ends_at, status }
    }

    /// Which showtime it is.
    pub fn id(&self) -> ShowtimeId {
        self.id
    }

    /// Counts its events.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What is known of it.
    pub fn details(&self) -> &ShowtimeDetails {
        &self.details
    }

    /// When it starts.
    pub fn starts_at(&self) -> DateTime<Utc> {
        self.details.starts_at
    }

    /// When the movie ends.
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }

    /// True when it does not take place.
    pub fn is_cancelled(&self) -> bool {
        self.status == ShowtimeStatus::Cancelled
    }

    /// True from its very start on.
    pub fn has_started(&self, now: DateTime<Utc>) -> bool {
        self.starts_at() <= now
    }

    /// True while it is still to take place.
    pub fn is_upcoming(&self, now: DateTime<Utc>) -> bool {
        !self.is_cancelled() && !self.has_started(now)
    }

    /// The numbers, since 1970, of the slots for which it needs the hall.
    pub fn slots(&self) -> impl Iterator<Item = i64> + use<> {
        let slot = SLOT.num_seconds();
        let first = self.starts_at().timestamp().div_euclid(slot);
        let last = (clean_at(self.ends_at).timestamp() - 1).div_euclid(slot);
        first..=last
    }

    /// What others get to see of it.
    pub fn view(&self, movie: MovieRef, hall: HallRef) -> Showtime {
        Showtime {
            id: self.id,
            version: self.version,
            movie,
            hall,
            starts_at: self.details.starts_at,
            ends_at: self.ends_at,
            format: self.details.format.clone(),
            language: self.details.language.clone(),
            prices: self.details.prices.clone(),
            status: self.status,
        }
    }
}

/// What has happened.
impl Screening {
    /// One that was scheduled.
    pub fn new(event: &ShowtimeScheduled) -> Self {
        Self {
            id: event.showtime_id,
            version: 1,
            details: event.details.clone(),
            ends_at: event.ends_at,
            status: ShowtimeStatus::Scheduled,
        }
    }

    /// The same after it was rescheduled.
    #[must_use]
    pub fn rescheduled(&self, event: &ShowtimeRescheduled) -> Self {
        Self { version: self.version + 1, details: event.details.clone(), ends_at: event.ends_at, ..self.clone() }
    }

    /// The same after it was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> Self {
        Self { version: self.version + 1, status: ShowtimeStatus::Cancelled, ..self.clone() }
    }
}

/// When a hall can show something else after a movie that ends at this time.
pub(super) fn clean_at(ends_at: DateTime<Utc>) -> DateTime<Utc> {
    ends_at + CLEANING
}
