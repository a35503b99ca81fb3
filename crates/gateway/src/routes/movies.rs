//! Movies.

use axum::response::Response;
use chrono::NaiveDate;
use contracts::ids::{HallId, MovieId};
use contracts::movies::{AddMovie, GetMovie, ListMovies, Movie, MovieDetails, RemoveMovie, UpdateMovie};
use contracts::page::Limit;
use contracts::showtimes::{ListShowtimes, Showtime};
use serde::Deserialize;

use crate::examples;
use crate::gateway::Asking;
use crate::input::{Filter, Id, Input};
use crate::instead::Instead;
use crate::listing::Listing;
use crate::ordering::Ordering;

/// Add a movie
///
/// Synopsis, genres, release date, certificate and poster may be left out.
#[utoipa::path(
    post, path = "/api/movies", tag = "movies", operation_id = "create_movie",
    request_body(content = MovieDetails, example = json!(examples::new_movie())),
    responses((status = 201, description = "The new movie", body = Movie)),
)]
pub(crate) async fn create(ordering: Ordering, Input(details): Input<MovieDetails>) -> Result<Response, Instead> {
    let id: MovieId = ordering.new_id("movie");
    let done = ordering.order(&AddMovie { id: Some(id), details }).await?;
    Ok(done.created(format!("/api/movies/{id}")))
}

/// List movies
///
/// Ordered by id, so those that were added without an `Idempotency-Key` by the age of their entry.
#[utoipa::path(
    get, path = "/api/movies", tag = "movies", operation_id = "list_movies",
    params(("title" = Option<String>, Query, description = "Only those with this in their title; case makes no difference")),
    responses((status = 200, description = "A page of movies", body = Listing<Movie>)),
)]
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListMovies>) -> Result<Response, Instead> {
    asking.page(&query).await
}

/// Get a movie
///
/// Answers 304 without a body when the caller has the representation already.
#[utoipa::path(
    get, path = "/api/movies/{id}", tag = "movies", operation_id = "get_movie",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::movie()))),
    responses((status = 200, description = "The movie", body = Movie)),
)]
pub(crate) async fn get(asking: Asking, Id(id): Id<MovieId>) -> Result<Response, Instead> {
    asking.one(&GetMovie { id }).await
}

/// Replace what is known of a movie
///
/// All fields are replaced by those of the body. Showtimes keep their times, also when it now runs longer.
#[utoipa::path(
    put, path = "/api/movies/{id}", tag = "movies", operation_id = "update_movie",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::movie()))),
    request_body(content = MovieDetails, example = json!(examples::changed_movie())),
    responses((status = 200, description = "The movie as it is now", body = Movie)),
)]
pub(crate) async fn update(
    ordering: Ordering,
    Id(id): Id<MovieId>,
    Input(details): Input<MovieDetails>,
) -> Result<Response, Instead> {
    Ok(ordering.change(&UpdateMovie { id, details }, &GetMovie { id }).await?.changed())
}

/// Remove a movie
///
/// Refused while showtimes of it are to come.
#[utoipa::path(
    delete, path = "/api/movies/{id}", tag = "movies", operation_id = "delete_movie",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::movie_without_showtimes()))),
    responses((status = 204, description = "The movie is gone")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<MovieId>) -> Result<Response, Instead> {
    Ok(ordering.change(&RemoveMovie { id }, &GetMovie { id }).await?.gone())
}

/// Which of a movie's showtimes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItsShowtimes {
    /// Only in this hall.
    pub hall_id: Option<HallId>,
    /// Only those that start on this day (UTC).
    pub date: Option<NaiveDate>,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// List a movie's showtimes
///
/// Ordered by start, past and cancelled ones included.
#[utoipa::path(
    get, path = "/api/movies/{id}/showtimes", tag = "movies", operation_id = "list_movie_showtimes",
    params(
        ("id" = String, Path, format = Uuid, description = "Of which", example = json!(examples::movie())),
        ("hall_id" = Option<String>, Query, format = Uuid, description = "Only in this hall"),
        ("date" = Option<String>, Query, format = Date, description = "Only those that start on this day (UTC), such as 2030-01-31"),
    ),
    responses((status = 200, description = "A page of the movie's showtimes", body = Listing<Showtime>)),
)]
pub(crate) async fn showtimes(
    asking: Asking,
    Id(id): Id<MovieId>,
    Filter(filter): Filter<ItsShowtimes>,
) -> Result<Response, Instead> {
    let ItsShowtimes { hall_id, date, limit, cursor } = filter;
    let showtimes = ListShowtimes { movie_id: Some(id), hall_id, date, limit, cursor };
    Ok(asking.show(asking.page_of(&showtimes, &GetMovie { id }).await?))
}
