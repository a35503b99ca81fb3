//! Users. What NATS carries about them has no personal data in it, so what a change answers with is put together here.

use axum::response::Response;
use contracts::bookings::{BookingStatus, ListBookings};
use contracts::ids::{ShowtimeId, UserId};
use contracts::page::Limit;
use contracts::users::{DeleteUser, GetUser, ListUsers, RegisterUser, UpdateUser, User, UserDetails};
use serde::Deserialize;

use crate::examples;
use crate::gateway::Asking;
use crate::input::{Filter, Id, Input};
use crate::instead::Instead;
use crate::listing::Listing;
use crate::ordering::Ordering;
use crate::shown::ShownBooking;

/// Add a user
///
/// The e-mail address must not belong to another user; case makes no difference.
#[utoipa::path(
    post, path = "/api/users", tag = "users", operation_id = "create_user",
    request_body(content = UserDetails, example = json!(examples::new_user())),
    responses((status = 201, description = "The new user", body = User)),
)]
pub(crate) async fn create(ordering: Ordering, Input(details): Input<UserDetails>) -> Result<Response, Instead> {
    let id: UserId = ordering.new_id("user");
    let done = ordering.order(&RegisterUser { id: Some(id), details: details.clone() }).await?;
    let (version, created_at) = (done.answer.version, done.decided_at);
    let user = User { id, version, details, created_at, updated_at: created_at };
    Ok(done.with(user).created(format!("/api/users/{id}")))
}

/// List users
///
/// Ordered by id, so those that were added without an `Idempotency-Key` by age.
#[utoipa::path(
    get, path = "/api/users", tag = "users", operation_id = "list_users",
    params(("email" = Option<String>, Query, description = "Only the one with this e-mail address")),
    responses((status = 200, description = "A page of users", body = Listing<User>)),
)]
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListUsers>) -> Result<Response, Instead> {
    asking.page(&query).await
}

/// Get a user
///
/// Answers 304 without a body when the caller has the representation already.
#[utoipa::path(
    get, path = "/api/users/{id}", tag = "users", operation_id = "get_user",
    params(("id" = String, Path, format = Uuid, description = "Whom", example = json!(examples::user(1)))),
    responses((status = 200, description = "The user", body = User)),
)]
pub(crate) async fn get(asking: Asking, Id(id): Id<UserId>) -> Result<Response, Instead> {
    asking.one(&GetUser { id }).await
}

/// Replace what is known of a user
///
/// All fields are replaced by those of the body.
#[utoipa::path(
    put, path = "/api/users/{id}", tag = "users", operation_id = "update_user",
    params(("id" = String, Path, format = Uuid, description = "Whom", example = json!(examples::user(1)))),
    request_body(content = UserDetails, example = json!(examples::changed_user())),
    responses((status = 200, description = "The user as they are now", body = User)),
)]
pub(crate) async fn update(
    ordering: Ordering,
    Id(id): Id<UserId>,
    Input(details): Input<UserDetails>,
) -> Result<Response, Instead> {
    let done = ordering.change(&UpdateUser { id, details }, &GetUser { id }).await?;
    let user = ordering.asking.ask(&GetUser { id }).await?;
    Ok(done.with(user).changed())
}

/// Erase a user
///
/// Their name and address are erased, and their bookings of showtimes to come are cancelled.
#[utoipa::path(
    delete, path = "/api/users/{id}", tag = "users", operation_id = "delete_user",
    params(("id" = String, Path, format = Uuid, description = "Whom", example = json!(examples::user(25)))),
    responses((status = 204, description = "The user is erased")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<UserId>) -> Result<Response, Instead> {
    Ok(ordering.change(&DeleteUser { id }, &GetUser { id }).await?.gone())
}

/// Which of a user's bookings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TheirBookings {
    showtime_id: Option<ShowtimeId>,
    status: Option<BookingStatus>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// List a user's bookings
///
/// Cancelled ones too, unless a filter says otherwise.
#[utoipa::path(
    get, path = "/api/users/{id}/bookings", tag = "users", operation_id = "list_user_bookings",
    params(
        ("id" = String, Path, format = Uuid, description = "Whose", example = json!(examples::user(1))),
        ("showtime_id" = Option<String>, Query, format = Uuid, description = "Only of this showtime"),
        ("status" = Option<BookingStatus>, Query, description = "Only those that stand, or only those that do not"),
    ),
    responses((status = 200, description = "A page of the user's bookings", body = Listing<ShownBooking>)),
)]
pub(crate) async fn bookings(
    asking: Asking,
    Id(id): Id<UserId>,
    Filter(filter): Filter<TheirBookings>,
) -> Result<Response, Instead> {
    let TheirBookings { showtime_id, status, limit, cursor } = filter;
    let bookings = ListBookings { user_id: Some(id), showtime_id, status, limit, cursor };
    let page = asking.page_of(&bookings, &GetUser { id }).await?;
    Ok(asking.show(asking.with_names(page).await))
}
