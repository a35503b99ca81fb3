//! Rows of the read tables, and how they are written and read.

use chrono::{DateTime, NaiveDateTime, Utc};
use contracts::halls::{Hall, HallAdded, HallDetails};
use contracts::movies::{Movie, MovieAdded};
use contracts::showtimes::{HallRef, MovieRef, Showtime, ShowtimeDetails, ShowtimeScheduled, ShowtimeStatus};
use diesel::prelude::*;
use runtime::database::{Key, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::capacity;
use crate::schema::{halls, movies, showtimes};

/// A movie.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = movies, treat_none_as_default_value = false)]
pub struct MovieRow {
    id: Key,
    version: u32,
    title: String,
    details: String,
    removed: bool,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl MovieRow {
    /// One that was added at `at`.
    ///
    /// # Errors
    /// When its details cannot be written.
    pub fn new(event: &MovieAdded, at: DateTime<Utc>) -> Result<Self, StoreError> {
        Ok(Self {
            id: Key(event.movie_id.0),
            version: 1,
            title: event.details.title.to_string(),
            details: to_json(&event.details)?,
            removed: false,
            created_at: at.naive_utc(),
            updated_at: at.naive_utc(),
        })
    }

    /// The movie of this row.
    ///
    /// # Errors
    /// When the row is none of ours.
    pub fn read(self) -> Result<Movie, StoreError> {
        Ok(Movie {
            id: self.id.0.into(),
            version: self.version,
            details: from_json(&self.details)?,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

/// A hall.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = halls, treat_none_as_default_value = false)]
pub struct HallRow {
    id: Key,
    version: u32,
    name: String,
    details: String,
    removed: bool,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl HallRow {
    /// How long it is, in bytes of JSON, about.
    pub fn bytes(&self) -> usize {
        self.details.len()
    }

    /// One that was added at `at`.
    ///
    /// # Errors
    /// When its details cannot be written.
    pub fn new(event: &HallAdded, at: DateTime<Utc>) -> Result<Self, StoreError> {
        Ok(Self {
            id: Key(event.hall_id.0),
            version: 1,
            name: event.details.name.to_string(),
            details: to_json(&event.details)?,
            removed: false,
            created_at: at.naive_utc(),
            updated_at: at.naive_utc(),
        })
    }

    /// The hall of this row.
    ///
    /// # Errors
    /// When the row is none of ours.
    pub fn read(self) -> Result<Hall, StoreError> {
        let details: HallDetails = from_json(&self.details)?;
        Ok(Hall {
            id: self.id.0.into(),
            version: self.version,
            capacity: capacity(&details.layout),
            details,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

/// A showtime.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = showtimes, treat_none_as_default_value = false)]
pub struct ShowtimeRow {
    id: Key,
    version: u32,
    movie_id: Key,
    hall_id: Key,
    starts_at: NaiveDateTime,
    ends_at: NaiveDateTime,
    details: String,
    cancelled: bool,
}

impl ShowtimeRow {
    /// One that was scheduled.
    ///
    /// # Errors
    /// When its details cannot be written.
    pub fn new(event: &ShowtimeScheduled) -> Result<Self, StoreError> {
        let details = &event.details;
        Ok(Self {
            id: Key(event.showtime_id.0),
            version: 1,
            movie_id: Key(details.movie_id.0),
            hall_id: Key(details.hall_id.0),
            starts_at: details.starts_at.naive_utc(),
            ends_at: event.ends_at.naive_utc(),
            details: to_json(details)?,
            cancelled: false,
        })
    }

    /// The showtime of this row, with the title of its movie and the name of its hall.
    ///
    /// # Errors
    /// When the row is none of ours.
    pub fn read(self, title: String, hall_name: String) -> Result<Showtime, StoreError> {
        let details: ShowtimeDetails = from_json(&self.details)?;
        Ok(Showtime {
            id: self.id.0.into(),
            version: self.version,
            movie: MovieRef { id: details.movie_id, title: title.try_into().map_err(StoreError::Unreadable)? },
            hall: HallRef { id: details.hall_id, name: hall_name.try_into().map_err(StoreError::Unreadable)? },
            starts_at: details.starts_at,
            ends_at: self.ends_at.and_utc(),
            format: details.format,
            language: details.language,
            prices: details.prices,
            status: if self.cancelled { ShowtimeStatus::Cancelled } else { ShowtimeStatus::Scheduled },
        })
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// Reads a column that has JSON in it.
///
/// # Errors
/// When it is not of this form.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}
