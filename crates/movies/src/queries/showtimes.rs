//! Showtimes, each with the title of its movie and the name of its hall as they are now.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use contracts::Problem;
use contracts::ids::ShowtimeId;
use contracts::page::{Page, read_cursor};
use contracts::showtimes::{GetShowtime, ListShowtimes, Showtime};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Database, Key, StoreError};

use crate::domain::not_found;
use crate::rows::ShowtimeRow;
use crate::schema::{halls, movies, showtimes};

/// What a showtime is read from.
type Found = (ShowtimeRow, String, String);

/// One showtime, cancelled or not.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub async fn showtime(database: Database, query: GetShowtime) -> Result<Showtime, Problem> {
    let connection = &mut *database.connection().await?;
    let found = showtimes::table
        .inner_join(movies::table)
        .inner_join(halls::table)
        .filter(showtimes::id.eq(Key(query.id.0)))
        .select((ShowtimeRow::as_select(), movies::title, halls::name));
    let found: Option<Found> = found.first(connection).await.optional().map_err(StoreError::from)?;
    let (row, title, hall_name) = found.ok_or_else(|| not_found(format_args!("showtime {}", query.id)))?;
    Ok(row.read(title, hall_name)?)
}

/// Showtimes by start, cancelled ones among them.
///
/// # Errors
/// `InvalidInput` for a cursor of nowhere, `Unavailable`.
pub async fn showtimes(database: Database, query: ListShowtimes) -> Result<Page<Showtime>, Problem> {
    let mut found = showtimes::table
        // Joined from the left, though none is missing: else MariaDB begins with the movies, when there are few, and sorts
        // all showtimes instead of reading a page of them in the order of the index: 7 ms for a thousand.
        .left_join(movies::table)
        .left_join(halls::table)
        .select((ShowtimeRow::as_select(), movies::title.assume_not_null(), halls::name.assume_not_null()))
        .order((showtimes::starts_at, showtimes::id))
        .limit(query.limit.rows())
        .into_boxed();
    if let Some(movie) = query.movie_id {
        found = found.filter(showtimes::movie_id.eq(Key(movie.0)));
    }
    if let Some(hall) = query.hall_id {
        found = found.filter(showtimes::hall_id.eq(Key(hall.0)));
    }
    if let Some(date) = query.date {
        let Some((start, end)) = day(date) else { return Ok(Page { items: Vec::new(), cursor: None }) };
        found = found.filter(showtimes::starts_at.ge(start.naive_utc()).and(showtimes::starts_at.lt(end.naive_utc())));
    }
    if let Some(Place { starts_at, id }) = read_cursor(query.cursor.as_deref())? {
        let start = starts_at.naive_utc();
        let later = showtimes::starts_at.eq(start).and(showtimes::id.gt(Key(id.0)));
        found = found.filter(showtimes::starts_at.gt(start).or(later));
    }
    let rows: Vec<Found> = found.load(&mut *database.connection().await?).await.map_err(StoreError::from)?;
    let showtimes = rows.into_iter().map(|(row, title, hall_name)| row.read(title, hall_name));
    let showtimes = showtimes.collect::<Result<_, StoreError>>()?;
    Ok(Page::new(showtimes, query.limit, |showtime: &Showtime| Place::of(showtime).to_string()))
}

/// When a day begins and ends (UTC); `None` for one that the store cannot even compare with, and on which nothing is.
fn day(date: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let start = storable(date.and_time(NaiveTime::MIN).and_utc())?;
    Some((start, storable(start.checked_add_days(Days::new(1))?)?))
}

/// The time, when it is one that a DATETIME can be.
fn storable(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (1000..=9999).contains(&time.year()).then_some(time)
}

/// A showtime's place in the list, as cursors have it: seconds since 1970 and the id.
#[derive(Debug, PartialEq)]
struct Place {
    starts_at: DateTime<Utc>,
    id: ShowtimeId,
}

impl Place {
    fn of(showtime: &Showtime) -> Self {
        Self { starts_at: showtime.starts_at, id: showtime.id }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.starts_at.timestamp(), self.id)
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (seconds, id) = text.split_once('.').ok_or(())?;
        let starts_at = DateTime::from_timestamp(seconds.parse().map_err(|_| ())?, 0).and_then(storable).ok_or(())?;
        Ok(Self { starts_at, id: id.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let place = Place {
            starts_at: DateTime::from_timestamp(1_900_000_200, 0).unwrap(),
            id: "019ab5a0-0000-7000-8000-000000000001".parse().unwrap(),
        };
        assert_eq!(place.to_string().parse(), Ok(place));
        for bad in ["", "1900000200", "x.019ab5a0-0000-7000-8000-000000000001", "1900000200.x", "1900000200.1.2"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
        assert!("999999999999999.019ab5a0-0000-7000-8000-000000000001".parse::<Place>().is_err());
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight() {
        let (start, end) = day(NaiveDate::from_ymd_opt(2030, 12, 31).unwrap()).unwrap();
        assert_eq!((start.to_rfc3339().as_str(), (end - start).num_hours()), ("2030-12-31T00:00:00+00:00", 24));
        for far in [NaiveDate::MIN, NaiveDate::MAX, NaiveDate::from_ymd_opt(9999, 12, 31).unwrap()] {
            assert!(day(far).is_none(), "{far}");
        }
    }
}
