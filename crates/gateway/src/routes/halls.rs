//! Halls.

use axum::response::Response;
use contracts::halls::{AddHall, GetHall, Hall, HallDetails, ListHalls, RemoveHall, UpdateHall};
use contracts::ids::HallId;

use crate::examples;
use crate::gateway::Asking;
use crate::input::{Filter, Id, Input};
use crate::instead::Instead;
use crate::listing::Listing;
use crate::ordering::Ordering;

/// Add a hall
///
/// The layout is rows from the screen to the back, each a run of seats, blocked seats and gaps from left to right. Seats
/// of a row are numbered from 1, blocked ones included, so the third seat of row A is `A3`.
#[utoipa::path(
    post, path = "/api/halls", tag = "halls", operation_id = "create_hall",
    request_body(content = HallDetails, example = json!(examples::new_hall())),
    responses((status = 201, description = "The new hall", body = Hall)),
)]
pub(crate) async fn create(ordering: Ordering, Input(details): Input<HallDetails>) -> Result<Response, Instead> {
    let id: HallId = ordering.new_id("hall");
    let done = ordering.order(&AddHall { id: Some(id), details }).await?;
    Ok(done.created(format!("/api/halls/{id}")))
}

/// List halls
///
/// Ordered by id, so those that were added without an `Idempotency-Key` by the age of their entry.
#[utoipa::path(
    get, path = "/api/halls", tag = "halls", operation_id = "list_halls",
    responses((status = 200, description = "A page of halls", body = Listing<Hall>)),
)]
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListHalls>) -> Result<Response, Instead> {
    asking.page(&query).await
}

/// Get a hall
///
/// Answers 304 without a body when the caller has the representation already.
#[utoipa::path(
    get, path = "/api/halls/{id}", tag = "halls", operation_id = "get_hall",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::hall()))),
    responses((status = 200, description = "The hall", body = Hall)),
)]
pub(crate) async fn get(asking: Asking, Id(id): Id<HallId>) -> Result<Response, Instead> {
    asking.one(&GetHall { id }).await
}

/// Replace a hall's name and layout
///
/// The layout can only be replaced while no showtime in the hall is to come.
#[utoipa::path(
    put, path = "/api/halls/{id}", tag = "halls", operation_id = "update_hall",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::hall_without_showtimes()))),
    request_body(content = HallDetails, example = json!(examples::changed_hall())),
    responses((status = 200, description = "The hall as it is now", body = Hall)),
)]
pub(crate) async fn update(
    ordering: Ordering,
    Id(id): Id<HallId>,
    Input(details): Input<HallDetails>,
) -> Result<Response, Instead> {
    Ok(ordering.change(&UpdateHall { id, details }, &GetHall { id }).await?.changed())
}

/// Remove a hall
///
/// Refused while showtimes in it are to come.
#[utoipa::path(
    delete, path = "/api/halls/{id}", tag = "halls", operation_id = "delete_hall",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::hall_without_showtimes()))),
    responses((status = 204, description = "The hall is gone")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<HallId>) -> Result<Response, Instead> {
    Ok(ordering.change(&RemoveHall { id }, &GetHall { id }).await?.gone())
}
