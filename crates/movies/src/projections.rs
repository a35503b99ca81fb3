//! The read tables made of events.

use contracts::movies::MovieEvent;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};
use runtime::domain::Recorded;
use runtime::prepared::{counted, pieces};
use runtime::projector::Projection;

use crate::rows::{HallRow, MovieRow, ShowtimeRow, to_json};
use crate::schema::{halls, movies, showtimes};

/// Keeps `movies`, `halls` and `showtimes`.
pub struct Programme;

impl Projection for Programme {
    type Event = MovieEvent;
    const NAME: &'static str = "programme";
    const TABLES: &'static [&'static str] = &["movies", "halls", "showtimes"];

    /// What is new is written first, together; then what changed, one by one, since that is rare.
    async fn project(connection: &mut Connection, events: &[Recorded<MovieEvent>]) -> Result<(), StoreError> {
        insert(connection, events).await?;
        for event in events {
            change(connection, event).await?;
        }
        Ok(())
    }
}

async fn insert(connection: &mut Connection, events: &[Recorded<MovieEvent>]) -> Result<(), StoreError> {
    let (mut new_movies, mut new_halls, mut new_showtimes) = (Vec::new(), Vec::new(), Vec::new());
    for recorded in events {
        match &recorded.event {
            MovieEvent::MovieAdded(event) => new_movies.push(MovieRow::new(event, recorded.recorded_at)?),
            MovieEvent::HallAdded(event) => new_halls.push(HallRow::new(event, recorded.recorded_at)?),
            MovieEvent::ShowtimeScheduled(event) => new_showtimes.push(ShowtimeRow::new(event)?),
            _ => {}
        }
    }
    for part in pieces(&new_movies) {
        counted(diesel::insert_into(movies::table).values(part), part.len()).execute(connection).await?;
    }
    // One by one: a layout can be a megabyte.
    for row in new_halls {
        diesel::insert_into(halls::table).values(row).execute(connection).await?;
    }
    for part in pieces(&new_showtimes) {
        counted(diesel::insert_into(showtimes::table).values(part), part.len()).execute(connection).await?;
    }
    Ok(())
}

async fn change(connection: &mut Connection, recorded: &Recorded<MovieEvent>) -> Result<(), StoreError> {
    let at = recorded.recorded_at.naive_utc();
    match &recorded.event {
        MovieEvent::MovieUpdated(event) => {
            let change = (
                movies::version.eq(movies::version + 1),
                movies::title.eq(event.details.title.as_str()),
                movies::details.eq(to_json(&event.details)?),
                movies::updated_at.eq(at),
            );
            diesel::update(movies::table.find(Key(event.movie_id.0))).set(change).execute(connection).await?;
        }
        MovieEvent::MovieRemoved(event) => {
            let removed = movies::removed.eq(true);
            diesel::update(movies::table.find(Key(event.movie_id.0))).set(removed).execute(connection).await?;
        }
        MovieEvent::HallUpdated(event) => {
            let change = (
                halls::version.eq(halls::version + 1),
                halls::name.eq(event.details.name.as_str()),
                halls::details.eq(to_json(&event.details)?),
                halls::updated_at.eq(at),
            );
            diesel::update(halls::table.find(Key(event.hall_id.0))).set(change).execute(connection).await?;
        }
        MovieEvent::HallRemoved(event) => {
            let removed = halls::removed.eq(true);
            diesel::update(halls::table.find(Key(event.hall_id.0))).set(removed).execute(connection).await?;
        }
        MovieEvent::ShowtimeRescheduled(event) => {
            let change = (
                showtimes::version.eq(showtimes::version + 1),
                showtimes::starts_at.eq(event.details.starts_at.naive_utc()),
                showtimes::ends_at.eq(event.ends_at.naive_utc()),
                showtimes::details.eq(to_json(&event.details)?),
            );
            diesel::update(showtimes::table.find(Key(event.showtime_id.0))).set(change).execute(connection).await?;
        }
        MovieEvent::ShowtimeCancelled(event) => {
            let change = (showtimes::version.eq(showtimes::version + 1), showtimes::cancelled.eq(true));
            diesel::update(showtimes::table.find(Key(event.showtime_id.0))).set(change).execute(connection).await?;
        }
        MovieEvent::MovieAdded(_) | MovieEvent::HallAdded(_) | MovieEvent::ShowtimeScheduled(_) => {}
    }
    Ok(())
}
