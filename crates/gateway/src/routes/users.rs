//! Users. What NATS carries about them has no personal data in it, so what a change answers with is put together here.

use axum::response::Response;
use contracts::access::{ChangePassword, GetCredentials, PasswordHash, SetRoles};
use contracts::bookings::{BookingStatus, ListBookings};
use contracts::ids::{ShowtimeId, UserId};
use contracts::page::Limit;
use contracts::text::Email;
use contracts::users::{
    DeleteUser, FullName, GetUser, ListUsers, RegisterUser, UpdateUser, User, UserChanged, UserDetails, Username,
};
use contracts::{Case, Problem, Role, Roles, Service};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::Password;
use crate::done::Done;
use crate::examples;
use crate::gateway::Asking;
use crate::input::{Filter, Id, Input};
use crate::instead::Instead;
use crate::listing::Listing;
use crate::ordering::Ordering;
use crate::shown::ShownBooking;

/// Somebody who signs up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    // Field by field: of a flattened struct an error can't tell the field.
    /// 1 to 50 characters.
    #[schema(value_type = String, min_length = 1, max_length = 50)]
    pub username: Username,
    /// Unique among users, without regard to case.
    #[schema(value_type = String, format = "email")]
    pub email: Email,
    /// 1 to 100 characters.
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    pub full_name: FullName,
    /// 8 characters at least, 256 bytes at most. Only admins can leave it out: such a user cannot sign in.
    #[schema(value_type = Option<String>, min_length = 8, max_length = 256, format = "password")]
    pub password: Option<Password>,
}

/// Sign up
///
/// The e-mail address must not belong to another user; case makes no difference. Everybody starts as a customer.
#[utoipa::path(
    post, path = "/api/users", tag = "users", operation_id = "create_user",
    request_body(content = NewUser, example = json!(examples::new_user())),
    responses((status = 201, description = "The new user", body = User)),
)]
pub(crate) async fn create(ordering: Ordering, Input(new): Input<NewUser>) -> Result<Response, Instead> {
    let NewUser { username, email, full_name, password } = new;
    let limit = ordering.asking.limit_sign_up(&email.key())?;
    let details = UserDetails { username, email, full_name };
    let id: UserId = ordering.new_id("user");
    let password_hash = match password {
        Some(password) => Some(hash(&ordering, password).await?),
        None => None,
    };
    let done = ordering.order(&RegisterUser { id: Some(id), details: details.clone(), password_hash }).await?;
    let (version, created_at) = (done.answer.version, done.decided_at);
    let roles = Roles::only(Role::Customer);
    let user = User { id, version, details, roles, created_at, updated_at: created_at };
    let mut response = done.with(user).created(format!("/api/users/{id}"));
    response.headers_mut().extend(limit);
    Ok(response)
}

/// The hash of a password, the same for a repeat of the request.
async fn hash(ordering: &Ordering, password: Password) -> Result<PasswordHash, Problem> {
    let salt = ordering.made_up("salt").first_chunk().copied().unwrap_or_default();
    ordering.asking.gateway.passwords.hash(password, salt).await
}

/// List users
///
/// For admins. Ordered by id, so those that were added without an `Idempotency-Key` by age.
#[utoipa::path(
    get, path = "/api/users", tag = "users", operation_id = "list_users",
    params(("email" = Option<String>, Query, description = "Only the one with this e-mail address")),
    responses((status = 200, description = "A page of users", body = Listing<User>)),
)]
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListUsers>) -> Result<Response, Instead> {
    asking.caller.check_admin()?;
    asking.page(&query).await
}

/// Get a user
///
/// Yourself, or for admins anybody. Answers 304 without a body when the caller has the representation already.
#[utoipa::path(
    get, path = "/api/users/{id}", tag = "users", operation_id = "get_user",
    params(("id" = String, Path, format = Uuid, description = "Whom", example = json!(examples::user(1)))),
    responses((status = 200, description = "The user", body = User)),
)]
pub(crate) async fn get(asking: Asking, Id(id): Id<UserId>) -> Result<Response, Instead> {
    asking.caller.check_self(id)?;
    asking.one(&GetUser { id }).await
}

/// Replace what is known of a user
///
/// All fields are replaced by those of the body.
#[utoipa::path(
    put, path = "/api/users/{id}", tag = "users", operation_id = "update_user",
    params(("id" = String, Path, format = Uuid, description = "Whom", example = json!(examples::user(1)))),
    request_body(content = UserDetails, example = json!(examples::changed_user())),
    responses(
        (status = 200, description = "The user as they are now", body = User),
        (status = 204, description = "It is done, and the user was erased since"),
    ),
)]
pub(crate) async fn update(
    ordering: Ordering,
    Id(id): Id<UserId>,
    Input(details): Input<UserDetails>,
) -> Result<Response, Instead> {
    ordering.asking.caller.check_known()?;
    let done = ordering.change(&UpdateUser { id, details }, &GetUser { id }).await?;
    changed(&ordering, done, id).await
}

/// The user as they are now. When they were erased since, there is nothing to show, but the change was made all the same:
/// a problem would say that it was not.
async fn changed(ordering: &Ordering, done: Done<UserChanged>, id: UserId) -> Result<Response, Instead> {
    match ordering.asking.ask(&GetUser { id }).await {
        Ok(user) => Ok(done.with(user).changed()),
        Err(problem) if problem.is(Case::NotFound) => Ok(done.gone()),
        Err(problem) => Err(problem.into()),
    }
}

/// Erase a user
///
/// Their names, address and password are erased, wherever they are stored, and their bookings of showtimes to come are
/// cancelled. Bookings stay for the books, with nothing but an id that is nobody's any more.
#[utoipa::path(
    delete, path = "/api/users/{id}", tag = "users", operation_id = "delete_user",
    params(("id" = String, Path, format = Uuid, description = "Whom", example = json!(examples::user(25)))),
    responses((status = 204, description = "The user is erased")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<UserId>) -> Result<Response, Instead> {
    ordering.asking.caller.check_known()?;
    Ok(ordering.change(&DeleteUser { id }, &GetUser { id }).await?.gone())
}

/// Which of a user's bookings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TheirBookings {
    /// Only of this showtime.
    pub showtime_id: Option<ShowtimeId>,
    /// Only those that stand, or only those that do not.
    pub status: Option<BookingStatus>,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    pub cursor: Option<String>,
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
    if !asking.caller.actor.is_staff() {
        asking.caller.check_self(id)?;
    }
    let TheirBookings { showtime_id, status, limit, cursor } = filter;
    let bookings = ListBookings { user_id: Some(id), showtime_id, status, limit, cursor };
    let page = asking.page_of(&bookings, &GetUser { id }).await?;
    Ok(asking.show(asking.with_names(page).await))
}

/// The password to have, and the one to give up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The password until now. Admins who reset somebody else's leave it out.
    #[schema(format = "password")]
    current_password: Option<String>,
    /// 8 characters at least, 256 bytes at most.
    #[schema(value_type = String, min_length = 8, max_length = 256, format = "password")]
    new_password: Password,
}

/// Change a password
///
/// Your own, which ends your other sessions; or for admins anybody's, which ends all of theirs.
#[utoipa::path(
    put, path = "/api/users/{id}/password", tag = "users", operation_id = "update_password",
    params(("id" = String, Path, format = Uuid, description = "Whose", example = json!(examples::user(3)))),
    request_body(content = NewPassword, example = json!(examples::new_password())),
    responses((status = 204, description = "From now on it is the new one")),
)]
pub(crate) async fn change_password(
    ordering: Ordering,
    Id(id): Id<UserId>,
    Input(NewPassword { current_password, new_password }): Input<NewPassword>,
) -> Result<Response, Instead> {
    let asking = &ordering.asking;
    asking.caller.check_self(id)?;
    let must_prove = asking.caller.actor.is(id) || current_password.is_some();
    if must_prove {
        asking.limit_sign_in(&id.to_string())?;
    }
    // The current one is another after the first time.
    if must_prove && !ordering.is_repeat(Service::Users).await {
        let credentials = asking.ask(&GetCredentials { email: None, user_id: Some(id) }).await?;
        let password = current_password.unwrap_or_default();
        if !asking.gateway.passwords.verify(password, credentials.password_hash).await? {
            let problem = Problem::new(Case::WrongCredentials, "the current password is another one");
            return Err(problem.into());
        }
    }
    let session_id = asking.caller.session_id.filter(|_| asking.caller.actor.is(id));
    let password_hash = hash(&ordering, new_password).await?;
    let command = ChangePassword { id, password_hash, session_id };
    Ok(ordering.change(&command, &GetUser { id }).await?.gone())
}

/// What somebody may be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoles {
    /// All of them, each once.
    #[schema(value_type = Vec<Role>, min_items = 1)]
    roles: Roles,
}

/// Set a user's roles
///
/// For admins, and not for their own. The user's sessions end, so that they sign in anew as what they are now.
#[utoipa::path(
    put, path = "/api/users/{id}/roles", tag = "users", operation_id = "update_roles",
    params(("id" = String, Path, format = Uuid, description = "Whose", example = json!(examples::user(4)))),
    request_body(content = NewRoles, example = json!(examples::new_roles())),
    responses(
        (status = 200, description = "The user as they are now", body = User),
        (status = 204, description = "It is done, and the user was erased since"),
    ),
)]
pub(crate) async fn set_roles(
    ordering: Ordering,
    Id(id): Id<UserId>,
    Input(NewRoles { roles }): Input<NewRoles>,
) -> Result<Response, Instead> {
    ordering.asking.caller.check_admin()?;
    let done = ordering.change(&SetRoles { id, roles }, &GetUser { id }).await?;
    changed(&ordering, done, id).await
}
