//! Sessions: signing in, going on, signing out.

use std::collections::BTreeSet;

use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use contracts::access::{CloseSession, GetCredentials, OpenSession, RefreshSession, SessionState};
use contracts::ids::{SessionId, UserId};
use contracts::text::Email;
use contracts::{Actor, Case, Problem, Role, Roles};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::tokens::{self, Access, BadToken, Refresh};
use crate::done::Done;
use crate::examples;
use crate::headers::value;
use crate::input::{Id, Input};
use crate::instead::{Instead, json};
use crate::ordering::{Ordering, until};

/// What proves who somebody is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    /// Whose.
    #[schema(value_type = String, format = "email")]
    email: Email,
    /// Theirs.
    #[schema(format = "password")]
    password: String,
}

/// What a session is gone on with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OldSession {
    /// The one that the session answered with the last time; it is good once.
    refresh_token: String,
}

/// A session, and the tokens that prove it (as of RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// The session.
    id: SessionId,
    /// Whose.
    user_id: UserId,
    /// What they may be.
    #[schema(value_type = Vec<Role>)]
    roles: BTreeSet<Role>,
    /// Always `Bearer`: send `Authorization: Bearer <access_token>`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Says who you are.
    access_token: String,
    /// For how many seconds it does.
    #[schema(example = 600)]
    expires_in: u64,
    /// Goes on with the session, once, within 30 days.
    refresh_token: String,
}

/// Sign in
///
/// With an e-mail address and a password.
#[utoipa::path(
    post, path = "/api/sessions", tag = "sessions", operation_id = "create_session",
    request_body(content = NewSession, example = json!(examples::credentials())),
    responses((status = 201, description = "The new session, with its tokens", body = Session)),
)]
pub(crate) async fn create(ordering: Ordering, Input(new): Input<NewSession>) -> Result<Response, Instead> {
    let NewSession { email, password } = new;
    let wrong = || Problem::new(Case::WrongCredentials, "there is no user with this e-mail address and password");
    let asking = &ordering.asking;
    let limit = asking.limit_sign_in(&email.key())?;
    let known = match asking.ask(&GetCredentials { email: Some(email), user_id: None }).await {
        Ok(credentials) => Some(credentials),
        Err(problem) if problem.is(Case::NotFound) => None,
        Err(problem) => return Err(problem.into()),
    };
    // Where there is no such user it takes as long, so that nobody learns which addresses there are.
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let verified = asking.gateway.passwords.verify(password, hash).await?;
    let known = known.filter(|_| verified).ok_or_else(wrong)?;
    let id: SessionId = ordering.new_id("session");
    let command = OpenSession { id: Some(id), user_id: known.user_id, password_version: known.password_version };
    let ordering = ordering.now_as(themselves(known.user_id));
    let done = ordering.order(&command).await?;
    let mut response = answer(&ordering, done, StatusCode::CREATED)?;
    response.headers_mut().extend(limit);
    Ok(response)
}

/// Go on with a session
///
/// The answer has new tokens. A refresh token that comes a second time was stolen by somebody: it ends the session.
#[utoipa::path(
    post, path = "/api/sessions/refresh", tag = "sessions", operation_id = "refresh_session",
    request_body(content = OldSession, example = json!({ "refresh_token": "eyJ…" })),
    responses((status = 200, description = "The session, with new tokens", body = Session)),
)]
pub(crate) async fn refresh(ordering: Ordering, Input(old): Input<OldSession>) -> Result<Response, Instead> {
    let bad = |_: BadToken| Problem::new(Case::Unauthenticated, "the refresh token is not valid, or not any more");
    let secrets = &ordering.asking.gateway.secrets;
    let Refresh { session_id: id, user_id, generation } =
        tokens::read_refresh(secrets, &old.refresh_token).map_err(bad)?;
    let ordering = ordering.now_as(themselves(user_id));
    let done = ordering.order(&RefreshSession { id, generation }).await?;
    answer(&ordering, done, StatusCode::OK)
}

/// Sign out
///
/// Of this session, or for admins anybody of any. Access tokens of it are good for some minutes more.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "sessions", operation_id = "delete_session",
    params(("id" = String, Path, format = Uuid, description = "Which", example = json!(examples::session()))),
    responses((status = 204, description = "The session has ended")),
)]
pub(crate) async fn delete(ordering: Ordering, Id(id): Id<SessionId>) -> Result<Response, Instead> {
    ordering.asking.caller.check_known()?;
    Ok(ordering.order(&CloseSession { id }).await?.gone())
}

/// Somebody who has proven who they are, for what is theirs to do. What else they may be only the service knows.
fn themselves(user: UserId) -> Actor {
    Actor::User(user, Roles::only(Role::Customer))
}

/// The session with its tokens of when that was decided, so that a repeat gives nobody later ones: meanwhile the session may
/// have ended, or its user may be less than they were. Or 401 when it has ended.
fn answer(ordering: &Ordering, done: Done<SessionState>, status: StatusCode) -> Result<Response, Instead> {
    let SessionState { id, user_id, roles, generation } = done.answer;
    let ended = || Problem::new(Case::Unauthenticated, "the refresh token was used before, so the session has ended");
    let refresh = Refresh { session_id: id, user_id, generation: generation.ok_or_else(ended)? };
    let internal = |error: BadToken| Problem::new(Case::Internal, error.to_string());
    let (secrets, at) = (&ordering.asking.gateway.secrets, done.decided_at);
    let left = until(at + tokens::ACCESS).min(tokens::ACCESS);
    let access = Access { actor: Actor::User(user_id, roles.clone()), session_id: Some(id) };
    let session = Session {
        id,
        user_id,
        roles: roles.into(),
        token_type: "Bearer",
        access_token: tokens::access(secrets, &access, at, tokens::ACCESS).map_err(internal)?,
        expires_in: left.as_secs_f64().ceil() as u64,
        refresh_token: tokens::refresh(secrets, refresh, at).map_err(internal)?,
    };
    let mut headers = done.headers;
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::CREATED {
        headers.insert(LOCATION, value(format!("/api/sessions/{id}")));
    }
    Ok((headers, json(status, "application/json", &session)).into_response())
}
