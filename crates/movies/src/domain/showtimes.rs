//! What is decided about a hall's showtimes.

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Duration, Utc};
use contracts::ids::{HallId, ShowtimeId};
use contracts::layout::Layout;
use contracts::money::MAX_PRICE;
use contracts::showtimes::{
    Prices, RescheduleShowtime, ScheduleShowtime, ShowtimeCancelled, ShowtimeDetails, ShowtimeRescheduled,
    ShowtimeScheduled,
};
use contracts::{Case, FieldError, Problem};

use super::check::{not_found, version_seen};
use super::screening::{SLOT, clean_at};
use super::{Hall, Movie, Screening};

/// How far ahead a showtime can start: further than any cinema plans, and a date that every store can keep.
const HORIZON: Duration = Duration::days(3653);

/// Refuses an id that a showtime has. `holder` is the hall of that showtime.
///
/// # Errors
/// `AlreadyExists`.
pub fn check_unused(id: ShowtimeId, holder: Option<HallId>) -> Result<(), Problem> {
    match holder {
        Some(hall) => Err(Problem::new(Case::AlreadyExists, format!("there is a showtime {id}, in hall {hall}"))),
        None => Ok(()),
    }
}

/// The movie and the hall of a showtime to be scheduled.
///
/// # Errors
/// `UnknownReference`, for the movie, the hall or both.
pub fn references<'a>(
    details: &ShowtimeDetails,
    movie: Option<&'a Movie>,
    hall: Option<&'a Hall>,
) -> Result<(&'a Movie, &'a Hall), Problem> {
    if let (Some(movie), Some(hall)) = (movie, hall) {
        return Ok((movie, hall));
    }
    let no_movie = movie.is_none().then(|| ("movie_id", format!("there is no movie {}", details.movie_id)));
    let no_hall = hall.is_none().then(|| ("hall_id", format!("there is no hall {}", details.hall_id)));
    let unknown: Vec<_> = [no_movie, no_hall].into_iter().flatten().collect();
    let detail = unknown.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", ");
    let errors = unknown.into_iter().map(|(field, text)| FieldError::new(field, "unknown", text)).collect();
    Err(Problem::new(Case::UnknownReference, detail).with_errors(errors))
}

impl Hall {
    /// Schedules a showtime of `movie`, whose runtime now decides when it ends.
    ///
    /// # Errors
    /// `InvalidInput` for a start or prices that can't be, `HallOccupied`.
    pub fn schedule(
        &self,
        id: ShowtimeId,
        command: &ScheduleShowtime,
        movie: &Movie,
        now: DateTime<Utc>,
    ) -> Result<ShowtimeScheduled, Problem> {
        let details = &command.details;
        check_details(details, self.layout(), now)?;
        let ends_at = details.starts_at + movie.runtime();
        self.check_free(details.starts_at, ends_at, None)?;
        Ok(ShowtimeScheduled { showtime_id: id, details: details.clone(), ends_at })
    }

    /// Changes a showtime's start, format, language or prices. It stays as long as it was scheduled, and its prices
    /// stay in their currency, because bookings keep the prices they were made at.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `ShowtimeCancelled`, `ShowtimeStarted`, `Immutable`, and as [`Hall::schedule`].
    pub fn reschedule(
        &self,
        command: &RescheduleShowtime,
        if_version: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<ShowtimeRescheduled, Problem> {
        let screening = self.changeable(command.id, if_version, now)?;
        let details = &command.details;
        check_immutable(screening, self.id(), details)?;
        check_details(details, self.layout(), now)?;
        let ends_at = details.starts_at + (screening.ends_at() - screening.starts_at());
        self.check_free(details.starts_at, ends_at, Some(command.id))?;
        Ok(ShowtimeRescheduled { showtime_id: command.id, details: details.clone(), ends_at })
    }

    /// Cancels a showtime.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `ShowtimeCancelled`, `ShowtimeStarted`.
    pub fn cancel(
        &self,
        id: ShowtimeId,
        if_version: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<ShowtimeCancelled, Problem> {
        let screening = self.changeable(id, if_version, now)?;
        Ok(ShowtimeCancelled { showtime_id: id, movie_id: screening.movie_id(), hall_id: self.id() })
    }

    fn changeable(&self, id: ShowtimeId, if_version: Option<u32>, now: DateTime<Utc>) -> Result<&Screening, Problem> {
        let screening = self.showtimes().screening(id).ok_or_else(|| not_found(format_args!("showtime {id}")))?;
        version_seen(format_args!("showtime {id}"), screening.version(), if_version)?;
        if screening.is_cancelled() {
            return Err(Problem::new(Case::ShowtimeCancelled, format!("showtime {id} is cancelled")));
        }
        if screening.has_started(now) {
            let detail = format!("showtime {id} started at {}", screening.starts_at().format("%FT%TZ"));
            return Err(Problem::new(Case::ShowtimeStarted, detail));
        }
        Ok(screening)
    }

    fn check_free(
        &self,
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
        own: Option<ShowtimeId>,
    ) -> Result<(), Problem> {
        let Some(other) = self.showtimes().clash(starts_at, ends_at, own) else { return Ok(()) };
        let message = format!(
            "{} is occupied by showtime {} from {} to {}, cleaning included",
            self.details().name,
            other.id(),
            other.starts_at().format("%FT%TZ"),
            clean_at(other.ends_at()).format("%FT%TZ"),
        );
        let error = FieldError::new("starts_at", "occupied", message.as_str());
        Err(Problem::new(Case::HallOccupied, message).with_errors(vec![error]))
    }
}

/// Refuses a start or prices that can't be, naming all that is wrong at once.
fn check_details(details: &ShowtimeDetails, layout: &Layout, now: DateTime<Utc>) -> Result<(), Problem> {
    let mut errors: Vec<FieldError> = start_error(details.starts_at, now).into_iter().collect();
    errors.extend(price_errors(&details.prices, layout));
    if errors.is_empty() {
        return Ok(());
    }
    let detail = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
    Err(Problem::new(Case::InvalidInput, detail).with_errors(errors))
}

fn start_error(starts_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<FieldError> {
    let on_slot = starts_at.timestamp_subsec_nanos() == 0 && starts_at.timestamp() % SLOT.num_seconds() == 0;
    let message = if starts_at <= now {
        "a showtime must start in the future"
    } else if starts_at - now > HORIZON {
        "a showtime must start within ten years"
    } else if !on_slot {
        "a showtime must start on a full five minutes"
    } else {
        return None;
    };
    Some(FieldError::new("starts_at", "invalid", message))
}

/// Every category of the hall has a price and no other has, all in one currency and none beyond reason.
fn price_errors(prices: &Prices, layout: &Layout) -> Vec<FieldError> {
    let error = |category, reason: &str, message| FieldError::new(format!("prices.{category}"), reason, message);
    let categories = layout.categories();
    let currency = prices.values().next().map(|price| price.currency);
    let missing = categories
        .iter()
        .filter(|category| !prices.contains_key(**category))
        .map(|category| error(*category, "missing", format!("there is no price for category {category}")));
    let unknown = prices
        .keys()
        .filter(|category| !categories.contains(category))
        .map(|category| error(category, "unknown", format!("the hall has no category {category}")));
    let mixed = prices
        .iter()
        .filter(|(_, price)| Some(price.currency) != currency)
        .map(|(category, _)| error(category, "mixed", "all prices must be in one currency".to_owned()));
    let too_high = prices
        .iter()
        .filter(|(_, price)| price.amount > MAX_PRICE)
        .map(|(category, _)| error(category, "invalid", format!("a price must be at most {MAX_PRICE}")));
    missing.chain(unknown).chain(mixed).chain(too_high).collect()
}

/// Refuses another movie or currency than the showtime has, and another hall.
fn check_immutable(old: &Screening, hall: HallId, new: &ShowtimeDetails) -> Result<(), Problem> {
    let fixed = |field: String, what: &str| {
        FieldError::new(field, "immutable", format!("the {what} of a showtime cannot change"))
    };
    let mut errors = Vec::new();
    if old.movie_id() != new.movie_id {
        errors.push(fixed("movie_id".into(), "movie"));
    }
    if hall != new.hall_id {
        errors.push(fixed("hall_id".into(), "hall"));
    }
    let foreign = new.prices.iter().filter(|(_, price)| Some(price.currency) != old.currency());
    errors.extend(foreign.map(|(category, _)| fixed(format!("prices.{category}"), "currency")));
    if errors.is_empty() {
        return Ok(());
    }
    let detail = "a showtime keeps its movie, its hall and its currency; cancel it and schedule another";
    Err(Problem::new(Case::Immutable, detail).with_errors(errors))
}
