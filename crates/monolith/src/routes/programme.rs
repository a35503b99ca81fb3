//! Movies, halls and showtimes as the rules take them, locked, and how what was decided about them is written: as the
//! movies service writes its read tables.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{HallId, MovieId, ShowtimeId};
use contracts::movies::MovieEvent;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use movies::domain::{Hall, Movie, Screening, not_found};
use movies::projections::Programme;
use movies::rows::{HallRow, MovieRow, ShowtimeRow};
use movies::schema::{halls, movies as movies_table, showtimes};
use runtime::database::{Connection, Key, StoreError};
use runtime::domain::Recorded;
use runtime::projector::Projection;
use uuid::Uuid;

use crate::store::Stop;

/// Longer than any movie with the cleaning after it.
const NEAR: TimeDelta = TimeDelta::days(1);

/// Which showtimes of a hall matter.
#[derive(Clone, Copy)]
pub(crate) enum Those {
    /// Those that start later.
    After(DateTime<Utc>),
    /// Those around a start.
    Around(DateTime<Utc>),
}

/// A movie that was not removed.
pub(crate) async fn movie(connection: &mut Connection, id: MovieId) -> Result<Option<Movie>, Stop> {
    let row = movies_table::table.find(Key(id.0)).filter(movies_table::removed.eq(false));
    let row = row.select(MovieRow::as_select()).for_update().first(connection).await.optional()?;
    Ok(row.map(|row: MovieRow| row.read().map(Movie::of)).transpose()?)
}

/// A hall that was not removed, with those of its showtimes that matter, and one that the caller has locked already.
pub(crate) async fn hall(
    connection: &mut Connection,
    id: HallId,
    those: Those,
    locked: Option<Screening>,
) -> Result<Option<Hall>, Stop> {
    let row = halls::table.find(Key(id.0)).filter(halls::removed.eq(false)).select(HallRow::as_select());
    let Some(row) = row.for_update().first(connection).await.optional()? else { return Ok(None) };
    let view = row.read()?;
    let (from, to) = match those {
        Those::After(now) => (now, DateTime::<Utc>::MAX_UTC),
        Those::Around(start) => (start - NEAR, start + NEAR),
    };
    let found = showtimes::table
        .inner_join(movies_table::table)
        .filter(showtimes::hall_id.eq(Key(id.0)).and(showtimes::cancelled.eq(false)))
        .filter(showtimes::starts_at.ge(from.naive_utc()))
        .select((ShowtimeRow::as_select(), movies_table::title))
        .order(showtimes::starts_at);
    let found: Vec<(ShowtimeRow, String)> = match those {
        Those::After(_) => found.limit(1).load(connection).await?,
        Those::Around(_) => found.filter(showtimes::starts_at.le(to.naive_utc())).load(connection).await?,
    };
    let name = view.details.name.to_string();
    let screenings = found.into_iter().map(|(row, title)| Ok(Screening::of(row.read(title, name.clone())?)));
    let mut screenings: Vec<Screening> = screenings.collect::<Result<_, StoreError>>()?;
    // Of one of these, the locked one is the newer.
    screenings.retain(|screening| locked.as_ref().is_none_or(|locked| locked.id() != screening.id()));
    screenings.extend(locked);
    Ok(Some(Hall::of(view, screenings)))
}

/// A showtime.
pub(crate) async fn showtime(
    connection: &mut Connection,
    id: ShowtimeId,
) -> Result<contracts::showtimes::Showtime, Stop> {
    let row = showtimes::table.find(Key(id.0)).select(ShowtimeRow::as_select()).for_update();
    let row: Option<ShowtimeRow> = row.first(connection).await.optional()?;
    let row = row.ok_or_else(|| not_found(format_args!("showtime {id}")))?;
    let names =
        showtimes::table.inner_join(movies_table::table).inner_join(halls::table).filter(showtimes::id.eq(Key(id.0)));
    let (title, hall) = names.select((movies_table::title, halls::name)).first(connection).await?;
    Ok(row.read(title, hall)?)
}

/// Writes what was decided.
pub(crate) async fn save(
    connection: &mut Connection,
    event: impl Into<MovieEvent>,
    at: DateTime<Utc>,
) -> Result<(), Stop> {
    // Nothing is recorded here: of an event, the tables are made of what it says and of when it was.
    let (id, stream_id) = (Uuid::nil(), Uuid::nil());
    let recorded = Recorded { id, position: 0, stream_id, version: 0, recorded_at: at, event: event.into() };
    Ok(Programme::project(connection, &[recorded]).await?)
}
