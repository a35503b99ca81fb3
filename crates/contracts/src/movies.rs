//! Movies: what they are, and what the movies service is asked and answers about them.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::halls::{AddHall, Hall, HallAdded, HallRemoved, HallUpdated, RemoveHall, UpdateHall};
use crate::ids::MovieId;
use crate::lists::{commands, events, queries};
use crate::message::Removed;
use crate::page::{Limit, Page};
use crate::showtimes::{
    CancelShowtime, RescheduleShowtime, ScheduleShowtime, Showtime, ShowtimeCancelled, ShowtimeRescheduled,
    ShowtimeScheduled,
};
use crate::text::Text;

/// A title has at most this many characters.
pub type Title = Text<200>;

/// 1.0 to 10.0 in steps of a tenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rating(u8);

impl TryFrom<f64> for Rating {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        let tenths = (value * 10.0).round();
        if !(10.0..=100.0).contains(&tenths) || (value * 10.0 - tenths).abs() > 1e-6 {
            return Err("must be from 1 to 10, with at most one decimal".into());
        }
        (10..=100).find(|tenth| f64::from(*tenth) == tenths).map(Self).ok_or_else(|| "must be a number".into())
    }
}

impl From<Rating> for f64 {
    fn from(rating: Rating) -> f64 {
        f64::from(rating.0) / 10.0
    }
}

impl JsonSchema for Rating {
    fn schema_name() -> Cow<'static, str> {
        "Rating".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 1, "maximum": 10, "examples": [8.1] })
    }
}

/// Minutes that a movie runs, 1 to 900.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Runtime(u16);

impl TryFrom<u16> for Runtime {
    type Error = String;
    fn try_from(minutes: u16) -> Result<Self, String> {
        if (1..=900).contains(&minutes) { Ok(Self(minutes)) } else { Err("must be from 1 to 900 minutes".into()) }
    }
}

impl From<Runtime> for u16 {
    fn from(runtime: Runtime) -> u16 {
        runtime.0
    }
}

impl JsonSchema for Runtime {
    fn schema_name() -> Cow<'static, str> {
        "Runtime".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 900, "examples": [117] })
    }
}

/// An absolute http or https address of at most 500 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebAddress(String);

impl TryFrom<String> for WebAddress {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let valid = !rest.is_empty()
            && !rest.starts_with('/')
            && text.len() <= 500
            && text
                .chars()
                .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'));
        if valid { Ok(Self(text)) } else { Err("must be an address such as https://example.com/poster.jpg".into()) }
    }
}

impl From<WebAddress> for String {
    fn from(address: WebAddress) -> String {
        address.0
    }
}

impl JsonSchema for WebAddress {
    fn schema_name() -> Cow<'static, str> {
        "WebAddress".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri", "maxLength": 500 })
    }
}

/// What is known of a movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MovieDetails {
    /// 1 to 200 characters.
    #[schema(value_type = String, example = "Blade Runner", min_length = 1, max_length = 200)]
    pub title: Title,
    /// 1 to 100 characters.
    #[schema(value_type = String, example = "Ridley Scott", min_length = 1, max_length = 100)]
    pub director: Text<100>,
    /// 1 to 10, with one decimal.
    #[schema(value_type = f64, example = 8.1, minimum = 1, maximum = 10)]
    pub rating: Rating,
    /// How long it runs, in minutes: 1 to 900.
    #[schema(value_type = u16, example = 117, minimum = 1, maximum = 900)]
    pub runtime_minutes: Runtime,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "A blade runner must hunt four replicants.", max_length = 2000)]
    pub synopsis: Option<Text<2000>>,
    /// At most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "at_most_ten")]
    #[schemars(length(max = 10))]
    #[schema(value_type = Vec<String>, example = json!(["Science fiction"]), max_items = 10)]
    pub genres: Vec<Text<40>>,
    /// The day it came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "1982-06-25")]
    pub release_date: Option<NaiveDate>,
    /// The age rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "16", max_length = 20)]
    pub certificate: Option<Text<20>>,
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "https://example.com/poster.jpg", max_length = 500)]
    pub poster_url: Option<WebAddress>,
}

fn at_most_ten<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Text<40>>, D::Error> {
    let genres = Vec::deserialize(deserializer)?;
    if genres.len() > 10 {
        return Err(serde::de::Error::custom("must be at most 10"));
    }
    Ok(genres)
}

/// Adds a movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMovie {
    /// The new movie's id; without one it follows from the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MovieId>,
    /// What is known of it.
    #[serde(flatten)]
    pub details: MovieDetails,
}

/// Replaces what is known of a movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMovie {
    /// Which.
    pub id: MovieId,
    /// What is known of it from now on.
    #[serde(flatten)]
    pub details: MovieDetails,
}

/// Removes a movie that has no upcoming showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMovie {
    /// Which.
    pub id: MovieId,
}

commands! {
    /// Everything that can be asked of the movies service.
    MovieCommand of Movies {
        /// Adds a movie.
        "add" => Add(AddMovie) -> Movie,
        /// Replaces what is known of a movie.
        "update" => Update(UpdateMovie) -> Movie,
        /// Removes a movie that has no upcoming showtime.
        "remove" => Remove(RemoveMovie) -> Removed,
        /// Adds a hall.
        "add-hall" => AddHall(AddHall) -> Hall,
        /// Replaces a hall's name and layout; the layout only while no showtime is to come.
        "update-hall" => UpdateHall(UpdateHall) -> Hall,
        /// Removes a hall that has no upcoming showtime.
        "remove-hall" => RemoveHall(RemoveHall) -> Removed,
        /// Schedules a showtime of a movie in a hall.
        "schedule" => Schedule(ScheduleShowtime) -> Showtime,
        /// Changes a showtime's start, format, language or prices.
        "reschedule" => Reschedule(RescheduleShowtime) -> Showtime,
        /// Cancels a showtime, and thereby its bookings.
        "cancel" => Cancel(CancelShowtime) -> Removed,
    }
}

/// A movie was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MovieAdded {
    /// Which.
    pub movie_id: MovieId,
    /// What is known of it.
    pub details: MovieDetails,
}

/// What is known of a movie changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MovieUpdated {
    /// Which.
    pub movie_id: MovieId,
    /// What is known of it from now on.
    pub details: MovieDetails,
}

/// A movie was removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MovieRemoved {
    /// Which.
    pub movie_id: MovieId,
}

events! {
    /// Everything that happens in the movies service.
    MovieEvent of Movies {
        /// A movie was added.
        "movie-added.v1" => MovieAdded(MovieAdded) about movie_id,
        /// What is known of a movie changed.
        "movie-updated.v1" => MovieUpdated(MovieUpdated) about movie_id,
        /// A movie was removed.
        "movie-removed.v1" => MovieRemoved(MovieRemoved) about movie_id,
        /// A hall was added.
        "hall-added.v1" => HallAdded(HallAdded) about hall_id,
        /// A hall's name or layout changed.
        "hall-updated.v1" => HallUpdated(HallUpdated) about hall_id,
        /// A hall was removed.
        "hall-removed.v1" => HallRemoved(HallRemoved) about hall_id,
        /// A showtime was scheduled.
        "showtime-scheduled.v1" => ShowtimeScheduled(ShowtimeScheduled) about showtime_id,
        /// A showtime's start, format, language or prices changed.
        "showtime-rescheduled.v1" => ShowtimeRescheduled(ShowtimeRescheduled) about showtime_id,
        /// A showtime was cancelled.
        "showtime-cancelled.v1" => ShowtimeCancelled(ShowtimeCancelled) about showtime_id,
    }
}

/// A movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Movie {
    /// The movie.
    pub id: MovieId,
    /// Grows with every change.
    #[schema(example = 1)]
    pub version: u32,
    /// What is known of it.
    #[serde(flatten)]
    pub details: MovieDetails,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Asks for one movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetMovie {
    /// Which.
    pub id: MovieId,
}

/// Asks for movies, oldest entry first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMovies {
    /// Only those whose title has this in it, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

queries! { queries of Movies Query {
    /// One movie.
    "movie" => GetMovie, Movie;
    /// Movies, oldest entry first.
    "movies" => ListMovies, Page<Movie>;
}}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_have_one_decimal() {
        for (good, text) in [(1.0, "1.0"), (8.1, "8.1"), (10.0, "10.0")] {
            assert_eq!(serde_json::to_string(&Rating::try_from(good).unwrap()).unwrap(), text);
        }
        for bad in [0.9, 10.1, 8.15, f64::NAN, f64::INFINITY, -3.0] {
            assert!(Rating::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_fields_are_refused_beside_flattened_ones() {
        let body = br#"{"title":"A","director":"B","rating":5,"runtime_minutes":90,"price":1}"#;
        let problem = crate::message::decode::<AddMovie>(body).unwrap_err();
        assert!(problem.detail.contains("price"), "{problem:?}");
    }
}
