//! How callers prove who they are, and where they have to.

use utoipa::openapi::schema::Components;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};

/// The scheme's name.
const BEARER: &str = "bearer";

/// What anyone may do, by operation id.
const FOR_ANYONE: [&str; 12] = [
    "create_session",
    "create_user",
    "get_hall",
    "get_movie",
    "get_operation",
    "get_seat_map",
    "get_showtime",
    "list_halls",
    "list_movie_showtimes",
    "list_movies",
    "list_showtimes",
    "refresh_session",
];

/// True for an operation that asks for no token. The tutorial's paths are not among them: they are made of ours.
pub(super) fn is_for_anyone(operation_id: &str) -> bool {
    FOR_ANYONE.contains(&operation_id)
}

/// True for an operation that is refused to who asks for it too often, or has too many of it open.
pub(super) fn is_limited(operation_id: &str) -> bool {
    matches!(
        operation_id,
        "create_booking" | "create_session" | "create_user" | "follow_events" | "get_seat_map" | "update_password"
    )
}

/// Adds the scheme to the document's components.
pub(super) fn add_to(components: &mut Components) {
    let mut http = Http::new(HttpAuthScheme::Bearer);
    http.bearer_format = Some("JWT, or an API key".into());
    http.description = Some("The `access_token` of a session, an API key, or what `marquee token` prints".into());
    components.security_schemes.insert(BEARER.into(), SecurityScheme::Http(http).into());
}

/// What an operation asks for: a token, or one if there is one.
pub(super) fn requirements(is_for_known: bool) -> Vec<SecurityRequirement> {
    let bearer = SecurityRequirement::new(BEARER, Vec::<String>::new());
    if is_for_known { vec![bearer] } else { vec![SecurityRequirement::default(), bearer] }
}
