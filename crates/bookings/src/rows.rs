//! Rows of the read tables, and how they are written and read.

use chrono::NaiveDateTime;
use contracts::bookings::BookingStatus;
use contracts::ids::{BookingId, ShowtimeId};
use contracts::showtimes::ShowtimeStatus;
use diesel::prelude::*;
use runtime::database::{Key, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::Booked;
use crate::schema::{bookings, halls, movies, showtimes};

/// A booking.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = bookings, treat_none_as_default_value = false)]
pub struct BookingRow {
    id: Key,
    user_id: Key,
    showtime_id: Key,
    version: u32,
    seats: String,
    total_amount: u32,
    total_currency: String,
    status: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl BookingRow {
    /// A booking as a row.
    ///
    /// # Errors
    /// When its seats cannot be written.
    pub fn write(id: BookingId, showtime: ShowtimeId, booked: &Booked) -> Result<Self, StoreError> {
        let total = booked.total();
        Ok(Self {
            id: Key(id.0),
            user_id: Key(booked.user_id.0),
            showtime_id: Key(showtime.0),
            version: booked.version,
            seats: to_json(&booked.seats)?,
            total_amount: total.amount,
            total_currency: total.currency.into(),
            status: booking_status(booked.status).to_owned(),
            created_at: booked.created_at.naive_utc(),
            updated_at: booked.updated_at.naive_utc(),
        })
    }

    /// The booking of this row.
    ///
    /// # Errors
    /// When the row is none of ours.
    pub fn read(self) -> Result<(BookingId, ShowtimeId, Booked), StoreError> {
        let booked = Booked {
            user_id: self.user_id.0.into(),
            seats: from_json(&self.seats)?,
            currency: self.total_currency.try_into().map_err(StoreError::Unreadable)?,
            version: self.version,
            status: [BookingStatus::Confirmed, BookingStatus::CheckedIn, BookingStatus::Cancelled]
                .into_iter()
                .find(|status| booking_status(*status) == self.status)
                .ok_or_else(|| StoreError::Unreadable(format!("a booking's status {:?}", self.status)))?,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        };
        Ok((self.id.0.into(), self.showtime_id.0.into(), booked))
    }
}

/// A movie, as far as bookings name it.
#[derive(Insertable)]
#[diesel(table_name = movies, treat_none_as_default_value = false)]
pub(crate) struct MovieRow {
    pub(crate) id: Key,
    pub(crate) title: String,
}

/// A hall, as far as bookings and seat maps need it.
#[derive(Insertable)]
#[diesel(table_name = halls, treat_none_as_default_value = false)]
pub(crate) struct HallRow {
    pub(crate) id: Key,
    pub(crate) name: String,
    pub(crate) layout: String,
}

/// A showtime, as far as bookings and seat maps need it.
#[derive(Insertable)]
#[diesel(table_name = showtimes, treat_none_as_default_value = false)]
pub(crate) struct ShowtimeRow {
    pub(crate) id: Key,
    pub(crate) movie_id: Key,
    pub(crate) hall_id: Key,
    pub(crate) starts_at: NaiveDateTime,
    pub(crate) prices: String,
    pub(crate) status: &'static str,
}

/// A status as a column has it.
pub fn booking_status(status: BookingStatus) -> &'static str {
    match status {
        BookingStatus::Confirmed => "confirmed",
        BookingStatus::CheckedIn => "checked-in",
        BookingStatus::Cancelled => "cancelled",
    }
}

pub(crate) fn showtime_status(status: ShowtimeStatus) -> &'static str {
    match status {
        ShowtimeStatus::Scheduled => "scheduled",
        ShowtimeStatus::Cancelled => "cancelled",
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}
