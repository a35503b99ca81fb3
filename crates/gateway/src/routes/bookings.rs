//! Bookings: where the way of one begins. Further on: `bookings/src/lib.rs`.

use std::sync::Arc;

use axum::response::Response;
use contracts::bookings::{
    Booking, BookingStatus, CancelBooking, ChangeSeats, CheckIn, GetBooking, ListBookings, PlaceBooking, Seats,
};
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::{Case, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::gateway::Asking;
use crate::input::{Filter, Id, Input};
use crate::instead::Instead;
use crate::listing::Listing;
use crate::ordering::Ordering;
use crate::recall::{Answer, Of};
use crate::shown::ShownBooking;

/// What is to be booked, and for whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBooking {
    /// For whom.
    pub user_id: UserId,
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
    /// 1 to 10 seats, each once.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 10, example = json!(["A1", "A2"]))]
    pub seats: Seats,
}

/// The seats that a booking is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSeats {
    /// 1 to 10 seats of the booking's showtime, each once. It may have some of them already.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 10, example = json!(["B1", "B2"]))]
    pub seats: Seats,
}

/// Book seats
///
/// For yourself, or as staff for anybody; all seats or none. When at least one cannot be had, the problem has the
/// reason for each such seat in `errors`: `taken`, `blocked` or `unknown`. Prices are those of the showtime.
#[utoipa::path(
    post, path = "/api/bookings", tag = "bookings", operation_id = "create_booking",
    request_body(content = NewBooking, example = json!(examples::new_booking())),
    responses((status = 201, description = "The new booking", body = ShownBooking)),
)]
pub(crate) async fn create(ordering: Ordering, Input(wanted): Input<NewBooking>) -> Result<Response, Instead> {
    ordering.asking.caller.check_known()?;
    let limit = ordering.asking.limit_booking()?;
    let id: BookingId = ordering.new_id("booking");
    let NewBooking { user_id, showtime_id, seats } = wanted;
    // The names meanwhile, since a booking is shown with them; whoever is refused doesn't wait for them.
    let command = PlaceBooking { id: Some(id), user_id, showtime_id, seats };
    let names = async { Ok(ordering.asking.names([user_id]).await) };
    let (done, names) = tokio::try_join!(ordering.order(&command), names)?;
    let mut response = done.named(&names).created(format!("/api/bookings/{id}"));
    response.headers_mut().extend(limit);
    Ok(response)
}

/// List bookings
///
/// Your own, or for staff anybody's. Ordered by id, so those that were made without an `Idempotency-Key` by age.
/// Cancelled ones too, unless a filter says otherwise.
#[utoipa::path(
    get, path = "/api/bookings", tag = "bookings", operation_id = "list_bookings",
    params(
        ("user_id" = Option<String>, Query, format = Uuid, description = "Only this user's"),
        ("showtime_id" = Option<String>, Query, format = Uuid, description = "Only of this showtime"),
        ("status" = Option<BookingStatus>, Query, description = "Only those that stand, or only those that do not"),
    ),
    responses((status = 200, description = "A page of bookings", body = Listing<ShownBooking>)),
)]
pub(crate) async fn list(asking: Asking, Filter(mut query): Filter<ListBookings>) -> Result<Response, Instead> {
    let actor = &asking.caller.actor;
    if let Some(user) = actor.user().filter(|_| !actor.is_staff()) {
        query.user_id.get_or_insert(user);
    }
    if query.user_id.is_none_or(|user| !actor.is(user)) {
        asking.caller.check_staff()?;
    }
    let page = asking.ask(&query).await?;
    Ok(asking.show(asking.with_names(page).await))
}

/// Get a booking
///
/// Your own, or for staff anybody's, with its user, movie, showtime, seats and price. Answers 304 without a body when
/// the caller has the representation already.
#[utoipa::path(
    get, path = "/api/bookings/{id}", tag = "bookings", operation_id = "get_booking",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::booking(1)))),
    responses((status = 200, description = "The booking", body = ShownBooking)),
)]
pub(crate) async fn get(asking: Asking, Id(id): Id<BookingId>) -> Result<Response, Instead> {
    let booking = their_booking(&asking, id).await?;
    Ok(asking.unless_known(asking.with_name(&booking).await?))
}

/// A booking, for its owner and for staff. A stranger is told that there is no such booking.
///
/// # Errors
/// `Unauthenticated`, `NotFound`, `Unavailable`.
pub(super) async fn their_booking(asking: &Asking, id: BookingId) -> Result<Arc<Answer<Booking>>, Problem> {
    asking.caller.check_known()?;
    let booking = asking.recall(&GetBooking { id }, Of::Booking(id)).await?;
    let actor = &asking.caller.actor;
    if actor.is_staff() || actor.is(booking.value.user_id) {
        Ok(booking)
    } else {
        Err(Problem::new(Case::NotFound, format!("there is no booking {id}")))
    }
}

/// Give a booking other seats
///
/// Seats of the same showtime, all of them or none; the others it had are free again.
#[utoipa::path(
    put, path = "/api/bookings/{id}", tag = "bookings", operation_id = "update_booking",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::booking(1)))),
    request_body(content = NewSeats, example = json!(examples::new_seats())),
    responses((status = 200, description = "The booking as it is now", body = ShownBooking)),
)]
pub(crate) async fn update(
    ordering: Ordering,
    Id(id): Id<BookingId>,
    Input(NewSeats { seats }): Input<NewSeats>,
) -> Result<Response, Instead> {
    ordering.asking.caller.check_known()?;
    let done = ordering.change(&ChangeSeats { id, seats }, &GetBooking { id }).await?;
    let names = ordering.asking.names([done.answer.user_id]).await;
    Ok(done.named(&names).changed())
}

/// Cancel a booking
///
/// Its seats are free again. It can still be read, with the status `cancelled`.
#[utoipa::path(
    delete, path = "/api/bookings/{id}", tag = "bookings", operation_id = "delete_booking",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::booking(2)))),
    responses((status = 204, description = "The booking is cancelled")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<BookingId>) -> Result<Response, Instead> {
    ordering.asking.caller.check_known()?;
    Ok(ordering.change(&CancelBooking { id }, &GetBooking { id }).await?.gone())
}

/// Check a booking in
///
/// For staff: its holders have come. It can be neither changed nor cancelled any more.
#[utoipa::path(
    post, path = "/api/bookings/{id}/check-in", tag = "bookings", operation_id = "update_check_in",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::booking(3)))),
    responses((status = 200, description = "The booking as it is now", body = ShownBooking)),
)]
pub(crate) async fn check_in(ordering: Ordering, Id(id): Id<BookingId>) -> Result<Response, Instead> {
    ordering.asking.caller.check_known()?;
    let done = ordering.change(&CheckIn { id }, &GetBooking { id }).await?;
    let names = ordering.asking.names([done.answer.user_id]).await;
    Ok(done.named(&names).changed())
}
