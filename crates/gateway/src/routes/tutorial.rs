//! The paths of the tutorial that Marquee started from. They answer like ours, and are in the document beside them.

/// The tutorial's paths, as the document writes them, and ours that they stand for.
pub(crate) const ALIASES: [(&str, &str); 5] = [
    ("/api/user/", "/api/users"),
    ("/api/user/{id}", "/api/users/{id}"),
    ("/api/user/{id}/Bookings/", "/api/users/{id}/bookings"),
    ("/api/movies/", "/api/movies"),
    ("/api/bookings/", "/api/bookings"),
];

/// Our path for one of the tutorial's, without its last slash; `None` for any other. Only those of users differ.
pub(crate) fn ours(path: &str) -> Option<String> {
    let rest = path.strip_prefix("/api/user")?;
    match rest.strip_suffix("/Bookings") {
        Some(id) if id.starts_with('/') => Some(format!("/api/users{id}/bookings")),
        None if rest.is_empty() || rest.starts_with('/') => Some(format!("/api/users{rest}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorials_paths_lead_to_ours() {
        for (theirs, path) in ALIASES.into_iter().take(3) {
            assert_eq!(ours(theirs.trim_end_matches('/')).unwrap(), path);
        }
        for other in ["/api/users", "/api/users/1", "/api/userx", "/api/movies", "/api", "/api/user/Bookings"] {
            assert_eq!(ours(other), None, "{other}");
        }
    }
}
