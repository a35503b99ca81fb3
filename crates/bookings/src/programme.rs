//! What bookings and seat maps need of the movies service, as read tables made of its events.

use std::collections::HashMap;

use contracts::halls::{HallAdded, HallDetails, HallUpdated};
use contracts::ids::{HallId, MovieId, ShowtimeId};
use contracts::movies::{MovieAdded, MovieDetails, MovieEvent, MovieUpdated};
use contracts::showtimes::{ShowtimeDetails, ShowtimeRescheduled, ShowtimeScheduled, ShowtimeStatus};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};
use runtime::domain::Recorded;
use runtime::prepared::{counted, pieces};
use runtime::projector::Projection;

use crate::rows::{HallRow, MovieRow, ShowtimeRow, showtime_status, to_json};
use crate::schema::{halls, movies, showtimes};

/// Keeps `movies`, `halls` and `showtimes`. What is removed stays, since bookings of the past name it.
pub struct Programme;

impl Projection for Programme {
    type Event = MovieEvent;
    const NAME: &'static str = "programme";
    const TABLES: &'static [&'static str] = &["movies", "halls", "showtimes"];

    async fn project(connection: &mut Connection, events: &[Recorded<MovieEvent>]) -> Result<(), StoreError> {
        Changes::of(events).save(connection).await
    }
}

/// The last word of a run of events on each thing.
#[derive(Default)]
struct Changes<'a> {
    movies: HashMap<MovieId, &'a MovieDetails>,
    halls: HashMap<HallId, &'a HallDetails>,
    showtimes: HashMap<ShowtimeId, &'a ShowtimeDetails>,
    /// A cancelled showtime never changes again, so this comes after the others.
    cancelled: Vec<Key>,
}

impl<'a> Changes<'a> {
    fn of(events: &'a [Recorded<MovieEvent>]) -> Self {
        let mut changes = Self::default();
        for event in events {
            match &event.event {
                MovieEvent::MovieAdded(MovieAdded { movie_id, details })
                | MovieEvent::MovieUpdated(MovieUpdated { movie_id, details }) => {
                    changes.movies.insert(*movie_id, details);
                }
                MovieEvent::HallAdded(HallAdded { hall_id, details })
                | MovieEvent::HallUpdated(HallUpdated { hall_id, details }) => {
                    changes.halls.insert(*hall_id, details);
                }
                MovieEvent::ShowtimeScheduled(ShowtimeScheduled { showtime_id, details, .. })
                | MovieEvent::ShowtimeRescheduled(ShowtimeRescheduled { showtime_id, details, .. }) => {
                    changes.showtimes.insert(*showtime_id, details);
                }
                MovieEvent::ShowtimeCancelled(event) => changes.cancelled.push(Key(event.showtime_id.0)),
                MovieEvent::MovieRemoved(_) | MovieEvent::HallRemoved(_) => {}
            }
        }
        changes
    }

    async fn save(self, connection: &mut Connection) -> Result<(), StoreError> {
        for part in pieces(&rows(self.movies, movie_row)?) {
            counted(diesel::replace_into(movies::table).values(part), part.len()).execute(connection).await?;
        }
        // One by one: a layout can be a megabyte, and a statement must fit into a packet.
        for row in rows(self.halls, hall_row)? {
            diesel::replace_into(halls::table).values(row).execute(connection).await?;
        }
        for part in pieces(&rows(self.showtimes, showtime_row)?) {
            counted(diesel::replace_into(showtimes::table).values(part), part.len()).execute(connection).await?;
        }
        for part in pieces(&self.cancelled) {
            let cancelled = showtimes::table.filter(showtimes::id.eq_any(part));
            let status = showtimes::status.eq(showtime_status(ShowtimeStatus::Cancelled));
            diesel::update(cancelled).set(status).execute(connection).await?;
        }
        Ok(())
    }
}

fn rows<K, V, R>(things: HashMap<K, V>, row: fn(K, V) -> Result<R, StoreError>) -> Result<Vec<R>, StoreError> {
    things.into_iter().map(|(id, details)| row(id, details)).collect()
}

fn movie_row(id: MovieId, details: &MovieDetails) -> Result<MovieRow, StoreError> {
    Ok(MovieRow { id: Key(id.0), title: details.title.to_string() })
}

fn hall_row(id: HallId, details: &HallDetails) -> Result<HallRow, StoreError> {
    Ok(HallRow { id: Key(id.0), name: details.name.to_string(), layout: to_json(&details.layout)? })
}

fn showtime_row(id: ShowtimeId, details: &ShowtimeDetails) -> Result<ShowtimeRow, StoreError> {
    Ok(ShowtimeRow {
        id: Key(id.0),
        movie_id: Key(details.movie_id.0),
        hall_id: Key(details.hall_id.0),
        starts_at: details.starts_at.naive_utc(),
        prices: to_json(&details.prices)?,
        status: showtime_status(ShowtimeStatus::Scheduled),
    })
}
