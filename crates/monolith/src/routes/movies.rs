//! Movies.

use axum::response::Response;
use chrono::{DateTime, Utc};
use contracts::ids::MovieId;
use contracts::movies::{AddMovie, GetMovie, ListMovies, MovieDetails, RemoveMovie, UpdateMovie};
use contracts::showtimes::ListShowtimes;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use gateway::bodies::ItsShowtimes;
use gateway::input::{Filter, Id, Input};
use gateway::instead::Instead;
use gateway::listing;
use gateway::representation::unless_known;
use movies::domain::{Movie, State, check_staff, not_found};
use movies::queries;
use movies::schema::showtimes as table;
use runtime::database::{Connection, Key};
use uuid::Uuid;

use super::{done, programme};
use crate::request::Asking;
use crate::store::{Stop, now, retried};

/// Adds a movie.
pub(crate) async fn create(asking: Asking, Input(details): Input<MovieDetails>) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let id = MovieId(Uuid::now_v7());
    let event = State::Empty.add_movie(id, &AddMovie { id: Some(id), details })?;
    let at = now();
    let movie = Movie::new(&event, at).view();
    retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        programme::save(&mut connection, event.clone(), at).await
    })
    .await?;
    Ok(done(movie).created(format!("/api/movies/{id}")))
}

/// Lists movies.
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListMovies>) -> Result<Response, Instead> {
    Ok(listing::page(&asking.uri, queries::movies(asking.here.database.clone(), query).await?))
}

/// Gets a movie.
pub(crate) async fn get(asking: Asking, Id(id): Id<MovieId>) -> Result<Response, Instead> {
    let movie = queries::movie(asking.here.database.clone(), GetMovie { id }).await?;
    Ok(unless_known(&asking.headers, &movie))
}

/// Replaces what is known of a movie.
pub(crate) async fn update(
    asking: Asking,
    Id(id): Id<MovieId>,
    Input(details): Input<MovieDetails>,
) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let command = UpdateMovie { id, details };
    let changed = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let (mut movie, at) = (present(connection, id).await?, now());
                let event = movie.update(&command, asking.if_version(movie.version()))?;
                movie.apply(&event.clone().into(), at);
                programme::save(connection, event, at).await?;
                Ok::<_, Stop>(movie.view())
            })
            .await
    });
    Ok(done(changed.await?).changed())
}

/// Removes a movie.
pub(crate) async fn delete(asking: Asking, Id(id): Id<MovieId>) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let command = RemoveMovie { id };
    let removed = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let (movie, at) = (present(connection, command.id).await?, now());
                let upcoming = will_show(connection, id, at).await?;
                let event = movie.remove(asking.if_version(movie.version()), upcoming)?;
                programme::save(connection, event, at).await
            })
            .await
    });
    Ok(done(removed.await?).gone())
}

/// Lists a movie's showtimes.
pub(crate) async fn showtimes(
    asking: Asking,
    Id(id): Id<MovieId>,
    Filter(filter): Filter<ItsShowtimes>,
) -> Result<Response, Instead> {
    let ItsShowtimes { hall_id, date, limit, cursor } = filter;
    let query = ListShowtimes { movie_id: Some(id), hall_id, date, limit, cursor };
    let page = queries::showtimes(asking.here.database.clone(), query).await?;
    if page.items.is_empty() {
        queries::movie(asking.here.database.clone(), GetMovie { id }).await?;
    }
    Ok(listing::page(&asking.uri, page))
}

async fn present(connection: &mut Connection, id: MovieId) -> Result<Movie, Stop> {
    Ok(programme::movie(connection, id).await?.ok_or_else(|| not_found(format_args!("movie {id}")))?)
}

async fn will_show(connection: &mut Connection, id: MovieId, now: DateTime<Utc>) -> Result<bool, Stop> {
    let upcoming = table::table
        .filter(table::movie_id.eq(Key(id.0)).and(table::starts_at.gt(now.naive_utc())))
        .filter(table::cancelled.eq(false));
    Ok(diesel::select(exists(upcoming)).get_result(connection).await?)
}
