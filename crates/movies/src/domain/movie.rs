//! One movie.

use chrono::{DateTime, Duration, Utc};
use contracts::ids::MovieId;
use contracts::movies::{self, MovieAdded, MovieDetails, MovieEvent, MovieRemoved, MovieUpdated, UpdateMovie};
use contracts::showtimes::MovieRef;
use contracts::{Case, Problem};

use super::check::version_seen;

/// A movie; a removed one keeps its details, since past showtimes still name it.
#[derive(Clone, Debug, PartialEq)]
pub struct Movie {
    id: MovieId,
    version: u32,
    details: MovieDetails,
    removed: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// What is there.
impl Movie {
    /// One that was not removed, from what others get to see of it.
    pub fn of(view: movies::Movie) -> Self {
        let movies::Movie { id, version, details, created_at, updated_at } = view;
        Self { id, version, details, removed: false, created_at, updated_at }
    }

    /// True when it was removed.
    pub fn is_removed(&self) -> bool {
        self.removed
    }

    /// Counts its events.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How long it runs.
    pub fn runtime(&self) -> Duration {
        Duration::minutes(u16::from(self.details.runtime_minutes).into())
    }

    /// What others get to see of it.
    pub fn view(&self) -> movies::Movie {
        movies::Movie {
            id: self.id,
            version: self.version,
            details: self.details.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// What showtimes say of it.
    pub fn reference(&self) -> MovieRef {
        MovieRef { id: self.id, title: self.details.title.clone() }
    }
}

/// What is decided.
impl Movie {
    /// Replaces what is known of it. Showtimes that are scheduled keep their end, whatever the runtime becomes.
    ///
    /// # Errors
    /// `VersionMismatch`.
    pub fn update(&self, command: &UpdateMovie, if_version: Option<u32>) -> Result<MovieUpdated, Problem> {
        self.check_version(if_version)?;
        Ok(MovieUpdated { movie_id: self.id, details: command.details.clone() })
    }

    /// Removes it. `upcoming` tells whether a hall has a showtime of it to come.
    ///
    /// # Errors
    /// `VersionMismatch`, `HasUpcomingShowtimes`.
    pub fn remove(&self, if_version: Option<u32>, upcoming: bool) -> Result<MovieRemoved, Problem> {
        self.check_version(if_version)?;
        if upcoming {
            let detail = format!("movie {} has upcoming showtimes; cancel them first", self.id);
            return Err(Problem::new(Case::HasUpcomingShowtimes, detail));
        }
        Ok(MovieRemoved { movie_id: self.id })
    }

    fn check_version(&self, if_version: Option<u32>) -> Result<(), Problem> {
        version_seen(format_args!("movie {}", self.id), self.version, if_version)
    }
}

/// What has happened.
impl Movie {
    /// A movie that was added at `at`.
    pub fn new(event: &MovieAdded, at: DateTime<Utc>) -> Self {
        Self {
            id: event.movie_id,
            version: 1,
            details: event.details.clone(),
            removed: false,
            created_at: at,
            updated_at: at,
        }
    }

    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &MovieEvent, at: DateTime<Utc>) {
        match event {
            MovieEvent::MovieUpdated(event) => self.details = event.details.clone(),
            MovieEvent::MovieRemoved(_) => self.removed = true,
            _ => return,
        }
        self.version += 1;
        self.updated_at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::super::given::*;
    use super::*;

    fn movie(events: &[MovieEvent]) -> Movie {
        state(events).movie().unwrap().clone()
    }

    #[test]
    fn an_update_is_a_new_version() {
        let command = UpdateMovie { id: MOVIE, details: film("Alien: Director's Cut", 116) };
        let event = movie(&[movie_added()]).update(&command, Some(1)).unwrap();
        let updated = movie(&[movie_added(), event.into()]).view();
        assert_eq!((updated.version, &updated.details), (2, &command.details));
        assert!(updated.updated_at > updated.created_at);
    }

    #[test]
    fn what_the_caller_has_not_seen_is_not_changed() {
        let command = UpdateMovie { id: MOVIE, details: film("Aliens", 137) };
        assert_refused(movie(&[movie_added()]).update(&command, Some(2)), Case::VersionMismatch);
        assert_refused(movie(&[movie_added()]).remove(Some(2), false), Case::VersionMismatch);
    }

    #[test]
    fn a_movie_with_upcoming_showtimes_stays() {
        assert_refused(movie(&[movie_added()]).remove(None, true), Case::HasUpcomingShowtimes);
        assert_eq!(movie(&[movie_added()]).remove(Some(1), false), Ok(MovieRemoved { movie_id: MOVIE }));
        assert_eq!(movie(&[movie_added(), movie_removed()]).version(), 2);
    }
}
