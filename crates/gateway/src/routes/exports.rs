//! What a person is given who asks what is stored about them.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use contracts::access::GetAccount;
use contracts::ids::UserId;
use contracts::users::GetUser;

use crate::examples;
use crate::export::{Export, UserExport};
use crate::gateway::Asking;
use crate::headers::value;
use crate::input::Id;
use crate::instead::Instead;

/// Export all that is stored about a user
///
/// About yourself, or for admins about anybody: names and address, sessions, bookings, and who did what with them. Of
/// the password only that there is one. A document to keep, as long as it takes.
#[utoipa::path(
    get, path = "/api/users/{id}/export", tag = "users", operation_id = "export_user",
    params(("id" = String, Path, format = Uuid, description = "Whom", example = json!(examples::user(1)))),
    responses((status = 200, description = "All of it", body = UserExport)),
)]
pub(crate) async fn export(asking: Asking, Id(id): Id<UserId>) -> Result<Response, Instead> {
    asking.caller.check_self(id)?;
    let user = asking.ask(&GetUser { id }).await?;
    let account = asking.ask(&GetAccount { id }).await?;
    let body = Export::body(asking, user, account).await?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_DISPOSITION, value(format!("attachment; filename=\"marquee-user-{id}.json\""))),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, body).into_response())
}
