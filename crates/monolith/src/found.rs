//! Bookings as they are read: each with its showtime, movie, hall and user in one statement.

use bookings::rows::{BookingRow, booking_status};
use bookings::schema::bookings as table;
use chrono::NaiveDateTime;
use contracts::Problem;
use contracts::bookings::{Booking, ListBookings, ShowtimeRef};
use contracts::ids::BookingId;
use contracts::page::{Page, read_cursor};
use contracts::showtimes::{HallRef, MovieRef};
use contracts::users::UserRef;
use diesel::query_builder::AsQuery;
use diesel::sql_types::{Binary, Datetime, Nullable, Text};
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};

use crate::seats::user_ref;
use crate::words::{Value, Words};

/// What a booking is read from: its own row, then its showtime, movie, hall and user.
type Columns =
    (<table::table as AsQuery>::SqlType, Datetime, Binary, Text, Binary, Text, Nullable<Text>, Nullable<Text>);
type Row = (BookingRow, NaiveDateTime, Key, String, Key, String, Option<String>, Option<String>);

/// A booking, and whom it is for.
pub(crate) type Found = (Booking, Option<UserRef>);

const SELECT: &str = "SELECT b.id, b.user_id, b.showtime_id, b.version, b.seats, b.total_amount, b.total_currency, \
    b.status, b.created_at, b.updated_at, s.starts_at, m.id, m.title, h.id, h.name, u.username, u.full_name \
    FROM bookings b JOIN showtimes s ON s.id = b.showtime_id JOIN movies m ON m.id = s.movie_id \
    JOIN halls h ON h.id = s.hall_id LEFT JOIN users u ON u.id = b.user_id WHERE TRUE";

/// One booking.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn booking(connection: &mut Connection, id: BookingId) -> Result<Option<Found>, Problem> {
    let text = format!("{SELECT} AND b.id = ?");
    let rows = load(connection, &text, vec![Value::Key(Key(id.0))]).await?;
    Ok(rows.into_iter().next())
}

/// A page of bookings, oldest first.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere, `Unavailable`.
pub(crate) async fn bookings(connection: &mut Connection, query: &ListBookings) -> Result<Page<Found>, Problem> {
    let after: Option<BookingId> = read_cursor(query.cursor.as_deref())?;
    let filters = [
        (" AND b.user_id = ?", query.user_id.map(|id| Value::Key(Key(id.0)))),
        (" AND b.showtime_id = ?", query.showtime_id.map(|id| Value::Key(Key(id.0)))),
        (" AND b.status = ?", query.status.map(|status| Value::Text(booking_status(status)))),
        (" AND b.id > ?", after.map(|id| Value::Key(Key(id.0)))),
        (" ORDER BY b.id LIMIT ?", u32::try_from(query.limit.rows()).ok().map(Value::Number)),
    ];
    let (mut text, mut values) = (SELECT.to_owned(), Vec::new());
    for (words, value) in filters {
        if let Some(value) = value {
            text += words;
            values.push(value);
        }
    }
    let found = load(connection, &text, values).await?;
    Ok(Page::new(found, query.limit, |(booking, _)| booking.id.to_string()))
}

async fn load(connection: &mut Connection, text: &str, values: Vec<Value<'_>>) -> Result<Vec<Found>, StoreError> {
    let rows: Vec<Row> = Words::<Columns>::new(text, values).load(connection).await?;
    rows.into_iter().map(read).collect()
}

fn read((row, starts_at, movie, title, hall, hall_name, username, full_name): Row) -> Result<Found, StoreError> {
    let (id, showtime_id, booked) = row.read()?;
    let movie = MovieRef { id: movie.0.into(), title: title.try_into().map_err(StoreError::Unreadable)? };
    let hall = HallRef { id: hall.0.into(), name: hall_name.try_into().map_err(StoreError::Unreadable)? };
    let user = username.zip(full_name).map(|(username, full_name)| user_ref(booked.user_id, username, full_name));
    let showtime = ShowtimeRef { id: showtime_id, starts_at: starts_at.and_utc(), hall };
    Ok((booked.view(id, movie, showtime), user.transpose()?))
}
