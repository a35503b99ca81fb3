//! Showtimes and their seat maps.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::bookings::{GetSeatMap, SeatMap};
use contracts::ids::ShowtimeId;
use contracts::showtimes::{
    CancelShowtime, GetShowtime, ListShowtimes, RescheduleShowtime, ScheduleShowtime, Showtime, ShowtimeDetails,
};

use crate::examples;
use crate::gateway::Asking;
use crate::input::{Filter, Id, Input};
use crate::instead::Instead;
use crate::listing::Listing;
use crate::live;
use crate::ordering::Ordering;
use crate::recall::Of;
use crate::representation::Shown;

/// Schedule a showtime
///
/// It starts on a full five minutes, in the future, while the hall is free: from the start until the movie's end and the
/// cleaning after it. Each seat category of the hall has a price.
#[utoipa::path(
    post, path = "/api/showtimes", tag = "showtimes", operation_id = "create_showtime",
    request_body(content = ShowtimeDetails, example = json!(examples::new_showtime())),
    responses((status = 201, description = "The new showtime", body = Showtime)),
)]
pub(crate) async fn create(ordering: Ordering, Input(details): Input<ShowtimeDetails>) -> Result<Response, Instead> {
    let id: ShowtimeId = ordering.new_id("showtime");
    let done = ordering.order(&ScheduleShowtime { id: Some(id), details }).await?;
    Ok(done.created(format!("/api/showtimes/{id}")))
}

/// List showtimes
///
/// Ordered by start, past and cancelled ones included.
#[utoipa::path(
    get, path = "/api/showtimes", tag = "showtimes", operation_id = "list_showtimes",
    params(
        ("movie_id" = Option<String>, Query, format = Uuid, description = "Only of this movie"),
        ("hall_id" = Option<String>, Query, format = Uuid, description = "Only in this hall"),
        ("date" = Option<String>, Query, format = Date, description = "Only those that start on this day (UTC), such as 2030-01-31"),
    ),
    responses((status = 200, description = "A page of showtimes", body = Listing<Showtime>)),
)]
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListShowtimes>) -> Result<Response, Instead> {
    asking.page(&query).await
}

/// Get a showtime
///
/// Answers 304 without a body when the caller has the representation already.
#[utoipa::path(
    get, path = "/api/showtimes/{id}", tag = "showtimes", operation_id = "get_showtime",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::showtime(1)))),
    responses((status = 200, description = "The showtime", body = Showtime)),
)]
pub(crate) async fn get(asking: Asking, Id(id): Id<ShowtimeId>) -> Result<Response, Instead> {
    asking.one(&GetShowtime { id }).await
}

/// Change a showtime's start, format, language or prices
///
/// Movie and hall must be those it has. Bookings stay as they are, at the prices they were made at.
#[utoipa::path(
    put, path = "/api/showtimes/{id}", tag = "showtimes", operation_id = "update_showtime",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::showtime(1)))),
    request_body(content = ShowtimeDetails, example = json!(examples::changed_showtime())),
    responses((status = 200, description = "The showtime as it is now", body = Showtime)),
)]
pub(crate) async fn update(
    ordering: Ordering,
    Id(id): Id<ShowtimeId>,
    Input(details): Input<ShowtimeDetails>,
) -> Result<Response, Instead> {
    Ok(ordering.change(&RescheduleShowtime { id, details }, &GetShowtime { id }).await?.changed())
}

/// Cancel a showtime
///
/// Its bookings are cancelled too. It can still be read, with the status `cancelled`.
#[utoipa::path(
    delete, path = "/api/showtimes/{id}", tag = "showtimes", operation_id = "delete_showtime",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::showtime(2)))),
    responses((status = 204, description = "The showtime is cancelled")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<ShowtimeId>) -> Result<Response, Instead> {
    Ok(ordering.change(&CancelShowtime { id }, &GetShowtime { id }).await?.gone())
}

/// Get the seat map of a showtime
///
/// Every place of the hall, row by row: whether it is free, and what a seat costs.
///
/// With `Accept: text/event-stream` the map is followed: first comes `seats`, the whole map, then `seats-changed` with the
/// places that are not as they were, and `seats` again where a change was missed. When the showtime is cancelled,
/// `showtime-cancelled` is the last. When it breaks off, it starts anew with the whole map.
#[utoipa::path(
    get, path = "/api/showtimes/{id}/seats", tag = "showtimes", operation_id = "get_seat_map",
    params(("id" = String, Path, format = Uuid, description = "Of which", example = json!(examples::showtime(1)))),
    responses(
        (status = 200, description = "The seat map", headers(("Vary" = String, description = "`Accept`")), content(
            (SeatMap = "application/json"),
            (String = "text/event-stream", example = json!(examples::seat_events())),
        )),
        (status = 204, description = "The showtime that was followed is cancelled: there is nothing more to follow"),
    ),
)]
pub(crate) async fn seats(asking: Asking, Id(showtime_id): Id<ShowtimeId>) -> Result<Response, Instead> {
    let response = match live::wants_events(&asking.headers) {
        true => Arc::clone(&asking.gateway.live).seats(asking, showtime_id).await?,
        false => {
            let map = asking.recall(&GetSeatMap { showtime_id }, Of::Bookings(showtime_id)).await?;
            map.show("", Shown::new)?.response(StatusCode::OK)
        }
    };
    Ok(([(header::VARY, "accept")], response).into_response())
}
