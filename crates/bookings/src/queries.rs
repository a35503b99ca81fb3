//! Questions, answered from the read tables.

use std::collections::HashSet;

use chrono::NaiveDateTime;
use contracts::bookings::{
    Booking, BookingStatus, GetBooking, GetSeatMap, ListBookings, SeatMap, ShowtimeRef, SoldSeat,
};
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::page::{Page, read_cursor};
use contracts::showtimes::{HallRef, MovieRef, ShowtimeStatus};
use contracts::{Case, Problem};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Database, Key, StoreError};

use crate::domain::not_found;
use crate::rows::{BookingRow, booking_status, from_json, showtime_status};
use crate::schema::{bookings, halls, movies, showtimes};
use crate::seat_map::Plan;

/// One booking.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(crate) async fn booking(database: Database, query: GetBooking) -> Result<Booking, Problem> {
    let wanted = Wanted { id: Some(query.id), ..Wanted::default() };
    let found = load(&mut *database.connection().await?, wanted, 1).await?;
    found.into_iter().next().ok_or_else(|| not_found(query.id))
}

/// Bookings, oldest first.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere, `Unavailable`.
pub(crate) async fn bookings(database: Database, query: ListBookings) -> Result<Page<Booking>, Problem> {
    let wanted = Wanted {
        id: None,
        user: query.user_id,
        showtime: query.showtime_id,
        status: query.status,
        after: read_cursor(query.cursor.as_deref())?,
    };
    let found = load(&mut *database.connection().await?, wanted, query.limit.rows()).await?;
    Ok(Page::new(found, query.limit, |booking| booking.id.to_string()))
}

/// The seat map of a showtime.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(crate) async fn seats(database: Database, query: GetSeatMap) -> Result<SeatMap, Problem> {
    let id = query.showtime_id;
    let connection = &mut *database.connection().await?;
    let showtime = showtimes::table
        .inner_join(halls::table)
        .filter(showtimes::id.eq(Key(id.0)))
        .select((halls::layout, showtimes::prices, showtimes::status))
        .first::<(String, String, String)>(connection);
    let showtime = showtime.await.optional().map_err(StoreError::from)?;
    let (layout, prices, status) =
        showtime.ok_or_else(|| Problem::new(Case::NotFound, format!("there is no showtime {id}")))?;
    let standing = bookings::status.ne(booking_status(BookingStatus::Cancelled));
    let standing = bookings::table.filter(bookings::showtime_id.eq(Key(id.0)).and(standing)).select(bookings::seats);
    let standing: Vec<String> = standing.load(connection).await.map_err(StoreError::from)?;
    let mut taken = HashSet::new();
    for seats in &standing {
        taken.extend(from_json::<Vec<SoldSeat>>(seats)?.into_iter().map(|sold| sold.seat));
    }
    let layout = from_json(&layout)?;
    let plan = Plan {
        layout: &layout,
        prices: from_json(&prices)?,
        cancelled: status == showtime_status(ShowtimeStatus::Cancelled),
        taken,
    };
    Ok(plan.map(id))
}

/// Which bookings.
#[derive(Default)]
struct Wanted {
    id: Option<BookingId>,
    user: Option<UserId>,
    showtime: Option<ShowtimeId>,
    status: Option<BookingStatus>,
    after: Option<BookingId>,
}

/// Of a showtime, its movie and its hall, what a booking shows of them.
type References = (NaiveDateTime, Key, String, Key, String);

async fn load(connection: &mut Connection, wanted: Wanted, rows: i64) -> Result<Vec<Booking>, Problem> {
    let mut query = bookings::table
        .left_join(showtimes::table.inner_join(movies::table).inner_join(halls::table))
        .select((
            BookingRow::as_select(),
            (showtimes::starts_at, movies::id, movies::title, halls::id, halls::name).nullable(),
        ))
        .order(bookings::id)
        .limit(rows)
        .into_boxed();
    if let Some(id) = wanted.id {
        query = query.filter(bookings::id.eq(Key(id.0)));
    }
    if let Some(user) = wanted.user {
        query = query.filter(bookings::user_id.eq(Key(user.0)));
    }
    if let Some(showtime) = wanted.showtime {
        query = query.filter(bookings::showtime_id.eq(Key(showtime.0)));
    }
    if let Some(status) = wanted.status {
        query = query.filter(bookings::status.eq(booking_status(status)));
    }
    if let Some(after) = wanted.after {
        query = query.filter(bookings::id.gt(Key(after.0)));
    }
    let found: Vec<(BookingRow, Option<References>)> = query.load(connection).await.map_err(StoreError::from)?;
    found.into_iter().map(|(row, references)| view(row, references)).collect()
}

fn view(row: BookingRow, references: Option<References>) -> Result<Booking, Problem> {
    let (id, showtime_id, booked) = row.read()?;
    // Both services' events are projected side by side: for a moment a booking can be here before its showtime is.
    let late = || Problem::new(Case::Unavailable, format!("the showtime of booking {id} is not known here yet"));
    let (starts_at, movie_id, title, hall_id, hall_name) = references.ok_or_else(late)?;
    let movie = MovieRef { id: movie_id.0.into(), title: title.try_into().map_err(StoreError::Unreadable)? };
    let hall = HallRef { id: hall_id.0.into(), name: hall_name.try_into().map_err(StoreError::Unreadable)? };
    Ok(booked.view(id, movie, ShowtimeRef { id: showtime_id, starts_at: starts_at.and_utc(), hall }))
}
