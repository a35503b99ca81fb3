//! What a path of REST asks for.

use contracts::Service;
use uuid::Uuid;

use super::model::Kind;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// One thing.
    One(Kind, Uuid),
    /// The seat map of a showtime.
    Seats(Uuid),
    /// A list of things of a kind.
    All(Kind),
    /// The same, of a user or a movie.
    Of(Kind, Uuid),
}

/// Reads `GET <path>`; nothing for what the checker doesn't look at. With it, whether there's a filter, or a page after the
/// first was asked for.
pub(super) fn read(name: &str) -> Option<(Asked, bool)> {
    let path = name.strip_prefix("GET /api/")?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let filtered = query.split('&').any(|part| !part.is_empty() && !part.starts_with("limit="));
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let kind = kind(parts.next()?)?;
    let id = parts.next().map(str::parse);
    let asked = match (kind, id, parts.next()) {
        (kind, None, None) => Asked::All(kind),
        (kind, Some(Ok(id)), None) => Asked::One(kind, id),
        (Kind::Showtime, Some(Ok(id)), Some("seats")) => Asked::Seats(id),
        (Kind::User, Some(Ok(id)), Some("bookings")) => Asked::Of(Kind::Booking, id),
        (Kind::Movie, Some(Ok(id)), Some("showtimes")) => Asked::Of(Kind::Showtime, id),
        _ => return None,
    };
    Some((asked, filtered))
}

fn kind(list: &str) -> Option<Kind> {
    Some(match list {
        "users" => Kind::User,
        "movies" => Kind::Movie,
        "halls" => Kind::Hall,
        "showtimes" => Kind::Showtime,
        "bookings" => Kind::Booking,
        _ => return None,
    })
}

/// Whose it is.
pub(super) fn service(kind: Kind) -> Service {
    match kind {
        Kind::User | Kind::Session | Kind::ApiKey => Service::Users,
        Kind::Movie | Kind::Hall | Kind::Showtime => Service::Movies,
        Kind::Booking => Service::Bookings,
    }
}
