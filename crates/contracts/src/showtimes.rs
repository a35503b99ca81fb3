//! Showtimes, which belong to the movies service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::as_of::AsOf;
use crate::halls::HallName;
use crate::ids::{HallId, MovieId, ShowtimeId};
use crate::layout::{Category, Cell, Layout, Seat};
use crate::lists::queries;
use crate::money::Money;
use crate::movies::Title;
use crate::page::{Limit, Page};
use crate::text::Text;

/// A price for each seat category.
pub type Prices = BTreeMap<Category, Money>;

/// What is known of a showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowtimeDetails {
    /// What is shown.
    pub movie_id: MovieId,
    /// Where.
    pub hall_id: HallId,
    /// When it starts; on a full five minutes, in the future.
    #[schema(example = "2030-01-31T20:00:00Z")]
    pub starts_at: DateTime<Utc>,
    /// How it is shown.
    #[schema(value_type = String, example = "2D", min_length = 1, max_length = 20)]
    pub format: Text<20>,
    /// The language it is shown in.
    #[schema(value_type = String, example = "en", min_length = 1, max_length = 35)]
    pub language: Text<35>,
    /// What a seat of each category of the hall costs, at most 10,000,000 minor units; all in one currency.
    #[schema(value_type = BTreeMap<String, Money>, example = json!({"standard": {"amount": 1250, "currency": "EUR"}, "premium": {"amount": 1650, "currency": "EUR"}}))]
    pub prices: Prices,
}

/// Schedules a showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleShowtime {
    /// The new showtime's id; without one it follows from the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ShowtimeId>,
    /// What is known of it.
    #[serde(flatten)]
    pub details: ShowtimeDetails,
}

/// Changes a showtime's start, format, language or prices. Movie and hall must be those it has; who wants others
/// cancels it and schedules a new one. Bookings stay as they are, at the prices they were made at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleShowtime {
    /// Which.
    pub id: ShowtimeId,
    /// What is known of it from now on.
    #[serde(flatten)]
    pub details: ShowtimeDetails,
}

/// Cancels a showtime, and thereby its bookings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelShowtime {
    /// Which.
    pub id: ShowtimeId,
}

/// A showtime was scheduled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShowtimeScheduled {
    /// Which.
    pub showtime_id: ShowtimeId,
    /// What is known of it.
    pub details: ShowtimeDetails,
    /// When the movie ends.
    pub ends_at: DateTime<Utc>,
}

/// A showtime's start, format, language or prices changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShowtimeRescheduled {
    /// Which.
    pub showtime_id: ShowtimeId,
    /// What is known of it from now on.
    pub details: ShowtimeDetails,
    /// When the movie ends.
    pub ends_at: DateTime<Utc>,
}

/// A showtime was cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShowtimeCancelled {
    /// Which.
    pub showtime_id: ShowtimeId,
    /// What was to be shown.
    pub movie_id: MovieId,
    /// Where.
    pub hall_id: HallId,
}

/// Whether a showtime takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShowtimeStatus {
    /// It does.
    Scheduled,
    /// It does not.
    Cancelled,
}

/// A movie as others name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct MovieRef {
    /// The movie.
    pub id: MovieId,
    /// Its title.
    #[schema(value_type = String, example = "Blade Runner")]
    pub title: Title,
}

/// A hall as others name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct HallRef {
    /// The hall.
    pub id: HallId,
    /// Its name.
    #[schema(value_type = String, example = "Grand Hall")]
    pub name: HallName,
}

/// A showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Showtime {
    /// The showtime.
    pub id: ShowtimeId,
    /// Grows with every change.
    #[schema(example = 1)]
    pub version: u32,
    /// What is shown.
    pub movie: MovieRef,
    /// Where.
    pub hall: HallRef,
    /// When it starts.
    pub starts_at: DateTime<Utc>,
    /// When the movie ends.
    pub ends_at: DateTime<Utc>,
    /// How it is shown.
    #[schema(value_type = String, example = "2D")]
    pub format: Text<20>,
    /// The language it is shown in.
    #[schema(value_type = String, example = "en")]
    pub language: Text<35>,
    /// What a seat of each category costs.
    #[schema(value_type = BTreeMap<String, Money>)]
    pub prices: Prices,
    /// Whether it takes place.
    pub status: ShowtimeStatus,
}

/// Asks for one showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetShowtime {
    /// Which.
    pub id: ShowtimeId,
}

/// Asks for showtimes, by start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListShowtimes {
    /// Only of this movie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movie_id: Option<MovieId>,
    /// Only in this hall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hall_id: Option<HallId>,
    /// Only those that start on this day (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<NaiveDate>,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What bookings need to know of showtimes, for a whole batch of commands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckShowtimes {
    /// The showtimes, each with the seats that are wanted.
    pub showtimes: Vec<CheckShowtime>,
}

/// One showtime and the seats that are wanted of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckShowtime {
    /// The showtime.
    pub id: ShowtimeId,
    /// The seats.
    pub seats: BTreeSet<Seat>,
}

/// The showtimes that exist, of those asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedShowtimes {
    /// In no particular order.
    pub showtimes: Vec<CheckedShowtime>,
    /// The layouts of their halls, unless those are too large.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layouts: BTreeMap<HallId, Layout>,
    /// When that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
}

/// One showtime as bookings need to know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedShowtime {
    /// The showtime.
    pub showtime: Arc<Showtime>,
    /// Of the seats asked for, those that are sold, with what they are sold as.
    pub sold: BTreeMap<Seat, Category>,
    /// Of the seats asked for, those that are there and are not sold.
    pub blocked: BTreeSet<Seat>,
}

impl CheckedShowtime {
    /// Looks the wanted seats up in the hall's layout.
    pub fn new(showtime: impl Into<Arc<Showtime>>, layout: &Layout, wanted: &BTreeSet<Seat>) -> Self {
        let mut checked = Self { showtime: showtime.into(), sold: BTreeMap::new(), blocked: BTreeSet::new() };
        for seat in wanted {
            match layout.find(*seat) {
                Some(Cell::Seat(_, category)) => {
                    checked.sold.insert(*seat, category.clone());
                }
                Some(Cell::Blocked(_)) => {
                    checked.blocked.insert(*seat);
                }
                Some(Cell::Gap) | None => {}
            }
        }
        checked
    }
}

queries! { queries of Movies Query {
    /// One showtime.
    "showtime" => GetShowtime, Showtime;
    /// Showtimes, by start.
    "showtimes" => ListShowtimes, Page<Showtime>;
}}

queries! { rpc_methods of Movies Rpc {
    /// What bookings need to know of showtimes, from committed state.
    "check" => CheckShowtimes, CheckedShowtimes;
}}
