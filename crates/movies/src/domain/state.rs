//! What a stream of this service is about: a movie, or a hall with its showtimes.

use chrono::{DateTime, Utc};
use contracts::halls::{AddHall, HallAdded};
use contracts::ids::{HallId, MovieId};
use contracts::movies::{AddMovie, MovieAdded, MovieEvent};
use contracts::{Case, Problem};
use uuid::Uuid;

use super::check::name_is_free;
use super::{Hall, Movie};

/// One stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum State {
    /// Nothing has happened yet.
    #[default]
    Empty,
    /// A movie.
    Movie(Movie),
    /// A hall and its showtimes.
    Hall(Hall),
}

/// What is there.
impl State {
    /// The movie, removed or not.
    pub fn movie(&self) -> Option<&Movie> {
        if let Self::Movie(movie) = self { Some(movie) } else { None }
    }

    /// The hall, removed or not.
    pub fn hall(&self) -> Option<&Hall> {
        if let Self::Hall(hall) = self { Some(hall) } else { None }
    }

    /// The movie, when it was not removed.
    pub fn present_movie(&self) -> Option<&Movie> {
        self.movie().filter(|movie| !movie.is_removed())
    }

    /// The hall, when it was not removed.
    pub fn present_hall(&self) -> Option<&Hall> {
        self.hall().filter(|hall| !hall.is_removed())
    }
}

/// What is decided.
impl State {
    /// Adds a movie. An id is never used again, not even a removed movie's.
    ///
    /// # Errors
    /// `AlreadyExists`.
    pub fn add_movie(&self, id: MovieId, command: &AddMovie) -> Result<MovieAdded, Problem> {
        self.check_unused(id.0)?;
        Ok(MovieAdded { movie_id: id, details: command.details.clone() })
    }

    /// Adds a hall. `holder` is the hall that has the wanted name.
    ///
    /// # Errors
    /// `AlreadyExists`, `HallNameTaken`.
    pub fn add_hall(&self, id: HallId, command: &AddHall, holder: Option<HallId>) -> Result<HallAdded, Problem> {
        self.check_unused(id.0)?;
        name_is_free(id, &command.details.name, holder)?;
        Ok(HallAdded { hall_id: id, details: command.details.clone() })
    }

    fn check_unused(&self, id: Uuid) -> Result<(), Problem> {
        match self {
            Self::Empty => Ok(()),
            Self::Movie(_) => Err(Problem::new(Case::AlreadyExists, format!("there is or was a movie {id}"))),
            Self::Hall(_) => Err(Problem::new(Case::AlreadyExists, format!("there is or was a hall {id}"))),
        }
    }
}

/// What has happened.
impl State {
    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &MovieEvent, at: DateTime<Utc>) {
        match (event, &mut *self) {
            (MovieEvent::MovieAdded(event), _) => *self = Self::Movie(Movie::new(event, at)),
            (MovieEvent::HallAdded(event), _) => *self = Self::Hall(Hall::new(event, at)),
            (event, Self::Movie(movie)) => movie.apply(event, at),
            (event, Self::Hall(hall)) => hall.apply(event, at),
            (_, Self::Empty) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::given::*;
    use super::*;

    #[test]
    fn a_movie_is_added_once() {
        let added = State::Empty.add_movie(MOVIE, &AddMovie { id: None, details: film("Alien", 117) }).unwrap();
        assert_eq!(added, MovieAdded { movie_id: MOVIE, details: film("Alien", 117) });
        let again = AddMovie { id: Some(MOVIE), details: film("Aliens", 137) };
        assert_refused(state(&[movie_added()]).add_movie(MOVIE, &again), Case::AlreadyExists);
        assert_refused(state(&[movie_added(), movie_removed()]).add_movie(MOVIE, &again), Case::AlreadyExists);
    }

    #[test]
    fn a_hall_is_added_once_and_movies_and_halls_share_no_id() {
        let command = AddHall { id: None, details: room("Grand Hall") };
        assert!(State::Empty.add_hall(HALL, &command, None).is_ok());
        assert_refused(state(&[hall_added()]).add_hall(HALL, &command, Some(HALL)), Case::AlreadyExists);
        assert_refused(state(&[movie_added()]).add_hall(HallId(MOVIE.0), &command, None), Case::AlreadyExists);
    }

    #[test]
    fn a_halls_name_is_unique() {
        let command = AddHall { id: None, details: room("Grand Hall") };
        let problem = State::Empty.add_hall(HALL, &command, Some(OTHER_HALL)).unwrap_err();
        assert!(problem.is(Case::HallNameTaken));
        assert_eq!(problem.errors[0].field, "name");
    }

    #[test]
    fn what_was_removed_is_still_known_and_not_present() {
        let movie = state(&[movie_added(), movie_removed()]);
        assert!(movie.movie().is_some() && movie.present_movie().is_none() && movie.hall().is_none());
        let hall = state(&[hall_added(), hall_removed()]);
        assert!(hall.hall().is_some() && hall.present_hall().is_none() && hall.movie().is_none());
    }
}
