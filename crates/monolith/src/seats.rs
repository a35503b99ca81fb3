//! What a booking reads and writes, statement by statement: the way that has to be fast.

use std::sync::Arc;

use contracts::bookings::{ShowtimeRef, SoldSeat};
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::layout::{Layout, Seat};
use contracts::showtimes::{CheckedShowtime, Showtime};
use contracts::users::UserRef;
use diesel::prelude::*;
use diesel::query_builder::AsQuery;
use diesel::sql_types::{Binary, Integer, Nullable, Text, Unsigned};
use diesel_async::RunQueryDsl;
use movies::rows::ShowtimeRow;
use movies::schema::showtimes;
use runtime::database::{Connection, Key, StoreError};

use crate::layouts::Layouts;
use crate::store::Stop;
use crate::words::{Value, Words};

/// A showtime that nobody else books until the end of the transaction.
pub(crate) struct Locked {
    showtime: Showtime,
    layout: Arc<Layout>,
    /// The user's names, where there is such a user; they are not erased either until then.
    pub(crate) user: Option<UserRef>,
}

impl Locked {
    /// What the rules need to know of it for these seats.
    pub(crate) fn checked(&self, wanted: &[Seat]) -> CheckedShowtime {
        CheckedShowtime::new(self.showtime.clone(), &self.layout, &wanted.iter().copied().collect())
    }

    /// What a booking shows of it.
    pub(crate) fn reference(&self) -> ShowtimeRef {
        ShowtimeRef { id: self.showtime.id, starts_at: self.showtime.starts_at, hall: self.showtime.hall.clone() }
    }
}

/// The showtime's own row, then its movie's title, its hall, and the user's names.
type Columns = (<showtimes::table as AsQuery>::SqlType, Text, Unsigned<Integer>, Text, Nullable<Text>, Nullable<Text>);
type Row = (ShowtimeRow, String, u32, String, Option<String>, Option<String>);

/// A lock in a subquery locks what is read there and nothing else, so nobody waits for others at the same movie or hall;
/// and a user may book at several showtimes at a time.
const LOCK: &str = "SELECT s.id, s.version, s.movie_id, s.hall_id, s.starts_at, s.ends_at, s.details, s.cancelled, \
    m.title, h.version, h.name, u.username, u.full_name \
    FROM (SELECT * FROM showtimes WHERE id = ? FOR UPDATE) s \
    JOIN movies m ON m.id = s.movie_id JOIN halls h ON h.id = s.hall_id \
    LEFT JOIN (SELECT id, username, full_name FROM users WHERE id = ? LOCK IN SHARE MODE) u ON TRUE";

/// Locks a showtime, and sees to it that the user stays; `None` when there is no such showtime.
pub(crate) async fn lock(
    connection: &mut Connection,
    layouts: &Layouts,
    id: ShowtimeId,
    user: UserId,
) -> Result<Option<Locked>, Stop> {
    let lock = Words::<Columns>::new(LOCK, vec![Value::Key(Key(id.0)), Value::Key(Key(user.0))]);
    let found: Option<Row> = lock.get_result(connection).await.optional()?;
    let Some((row, title, hall_version, hall_name, username, full_name)) = found else { return Ok(None) };
    let showtime = row.read(title, hall_name)?;
    let layout = layouts.of(connection, showtime.hall.id, hall_version).await?;
    let user = username.zip(full_name).map(|(username, full_name)| user_ref(user, username, full_name)).transpose()?;
    Ok(Some(Locked { showtime, layout, user }))
}

/// A user as others name them.
pub(crate) fn user_ref(id: UserId, username: String, full_name: String) -> Result<UserRef, StoreError> {
    Ok(UserRef {
        id,
        username: username.try_into().map_err(StoreError::Unreadable)?,
        full_name: full_name.try_into().map_err(StoreError::Unreadable)?,
    })
}

/// Of the showtime's seats that are taken, those that are wanted and those of the user.
pub(crate) async fn taken(
    connection: &mut Connection,
    showtime: ShowtimeId,
    user: UserId,
    wanted: &[Seat],
) -> Result<Vec<(Seat, UserId)>, Stop> {
    let (showtime, user) = (Key(showtime.0), Key(user.0));
    let wanted: Vec<String> = wanted.iter().map(Seat::to_string).collect();
    // One text for each number of seats.
    let text = format!(
        "SELECT seat, user_id FROM booked_seats WHERE showtime_id = ? AND user_id = ? UNION ALL \
         SELECT seat, user_id FROM booked_seats WHERE showtime_id = ? AND seat IN (?{}) AND user_id <> ?",
        ", ?".repeat(wanted.len().saturating_sub(1))
    );
    let mut values = vec![Value::Key(showtime), Value::Key(user), Value::Key(showtime)];
    values.extend(wanted.iter().map(|seat| Value::Text(seat)));
    values.push(Value::Key(user));
    let rows: Vec<(String, Key)> = Words::<(Text, Binary)>::new(&text, values).load(connection).await?;
    let read = |(seat, Key(user)): (String, Key)| Ok((seat.parse().map_err(StoreError::Unreadable)?, user.into()));
    rows.into_iter().map(read).collect()
}

/// Takes seats for a booking.
pub(crate) async fn take(
    connection: &mut Connection,
    showtime: ShowtimeId,
    booking: BookingId,
    user: UserId,
    seats: &[SoldSeat],
) -> Result<(), Stop> {
    let names: Vec<String> = seats.iter().map(|sold| sold.seat.to_string()).collect();
    let text = format!(
        "INSERT INTO booked_seats (showtime_id, seat, booking_id, user_id) VALUES (?, ?, ?, ?){}",
        ", (?, ?, ?, ?)".repeat(names.len().saturating_sub(1))
    );
    let row =
        |seat| [Value::Key(Key(showtime.0)), Value::Text(seat), Value::Key(Key(booking.0)), Value::Key(Key(user.0))];
    let values = names.iter().flat_map(|seat| row(seat.as_str())).collect();
    Words::<()>::new(&text, values).execute(connection).await?;
    Ok(())
}

/// Gives a booking's seats back.
pub(crate) async fn release(connection: &mut Connection, showtime: ShowtimeId, booking: BookingId) -> Result<(), Stop> {
    const TEXT: &str = "DELETE FROM booked_seats WHERE showtime_id = ? AND booking_id = ?";
    let values = vec![Value::Key(Key(showtime.0)), Value::Key(Key(booking.0))];
    Words::<()>::new(TEXT, values).execute(connection).await?;
    Ok(())
}
