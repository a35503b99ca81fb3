//! One showtime, as its hall knows it.

use chrono::{DateTime, Duration, Utc};
use contracts::ids::{MovieId, ShowtimeId};
use contracts::money::{Currency, Money};
use contracts::seat::Category;
use contracts::showtimes::{
    HallRef, MovieRef, Showtime, ShowtimeDetails, ShowtimeRescheduled, ShowtimeScheduled, ShowtimeStatus,
};
use contracts::text::Text;

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
    movie_id: MovieId,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    format: Text<20>,
    language: Text<35>,
    /// By category. A hall keeps all its showtimes, and for the one or two prices of each a map would take 400 bytes.
    prices: Box<[(Category, Money)]>,
    status: ShowtimeStatus,
}

/// What is there.
impl Screening {
    /// One from what others get to see of it.
    pub fn of(view: Showtime) -> Self {
        let Showtime { id, version, movie, starts_at, ends_at, format, language, prices, status, hall: _ } = view;
        let prices = prices.into_iter().collect();
        Self { id, version, movie_id: movie.id, starts_at, ends_at, format, language, prices, status }
    }

    /// Which showtime it is.
    pub fn id(&self) -> ShowtimeId {
        self.id
    }

    /// Counts its events.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What is shown.
    pub fn movie_id(&self) -> MovieId {
        self.movie_id
    }

    /// The one of all its prices.
    pub fn currency(&self) -> Option<Currency> {
        self.prices.first().map(|(_, price)| price.currency)
    }

    /// When it starts.
    pub fn starts_at(&self) -> DateTime<Utc> {
        self.starts_at
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
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            format: self.format.clone(),
            language: self.language.clone(),
            prices: self.prices.iter().cloned().collect(),
            status: self.status,
        }
    }
}

/// What has happened.
impl Screening {
    /// One that was scheduled.
    pub fn new(event: &ShowtimeScheduled) -> Self {
        Self::scheduled(event.showtime_id, 1, event.details.clone(), event.ends_at)
    }

    /// The same after it was rescheduled.
    #[must_use]
    pub fn rescheduled(&self, event: &ShowtimeRescheduled) -> Self {
        let scheduled = Self::scheduled(self.id, self.version + 1, event.details.clone(), event.ends_at);
        Self { status: self.status, ..scheduled }
    }

    fn scheduled(id: ShowtimeId, version: u32, details: ShowtimeDetails, ends_at: DateTime<Utc>) -> Self {
        let ShowtimeDetails { movie_id, starts_at, format, language, prices, hall_id: _ } = details;
        let (prices, status) = (prices.into_iter().collect(), ShowtimeStatus::Scheduled);
        Self { id, version, movie_id, starts_at, ends_at, format, language, prices, status }
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
