//! What the read tables say of bookings that stand, all of them: for an audit.

use chrono::{DateTime, NaiveDateTime, Utc};
use contracts::bookings::BookingStatus;
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::layout::Seat;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};

use crate::rows::{BookingRow, booking_status};
use crate::schema::{bookings, showtimes};

/// A booking that stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which.
    pub id: BookingId,
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
    /// When that starts, as far as it is known.
    pub starts_at: Option<DateTime<Utc>>,
    /// For whom.
    pub user_id: UserId,
    /// Its seats.
    pub seats: Vec<Seat>,
}

/// At most `limit` of them whose ids follow this one, in their order.
///
/// # Errors
/// When the store is away, or a row can't be read.
pub async fn page(connection: &mut Connection, after: BookingId, limit: i64) -> Result<Vec<Standing>, StoreError> {
    let found = bookings::table
        .left_join(showtimes::table)
        .filter(bookings::id.gt(Key(after.0)).and(bookings::status.ne(booking_status(BookingStatus::Cancelled))))
        .order(bookings::id)
        .limit(limit)
        .select((BookingRow::as_select(), showtimes::starts_at.nullable()));
    let found: Vec<(BookingRow, Option<NaiveDateTime>)> = found.load(connection).await?;
    let standing = found.into_iter().map(|(row, starts_at)| {
        let (id, showtime_id, booked) = row.read()?;
        let seats = booked.seats.iter().map(|sold| sold.seat).collect();
        let starts_at = starts_at.map(|time| time.and_utc());
        Ok(Standing { id, showtime_id, starts_at, user_id: booked.user_id, seats })
    });
    standing.collect()
}
