//! The question of other services, answered from committed state.

use std::collections::BTreeMap;

use contracts::Problem;
use contracts::ids::{HallId, ShowtimeId};
use contracts::layout::Layout;
use contracts::showtimes::{CheckShowtime, CheckShowtimes, CheckedShowtime, CheckedShowtimes};
use runtime::committed::{Committed, Reading};
use runtime::domain::Needs;

use crate::claims;
use crate::commands::Movies;
use crate::domain::{Hall, Screening};

/// How many runs the layouts in one answer have together, at most: those of some twenty halls, 60 bytes each. Whoever misses
/// one asks again.
const RUNS: usize = 1000;

/// What bookings need to know of these showtimes: first their halls are loaded, then the movies that they show.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn showtimes(
    committed: Committed<Movies>,
    query: CheckShowtimes,
) -> Result<CheckedShowtimes, Problem> {
    let mut reading = committed.hold().await?;
    let asked = || query.showtimes.iter();
    reading.load(asked().fold(Needs::default(), |needs, asked| needs.and_holder(claims::showtime(asked.id)))).await?;
    let movies = asked().filter_map(|asked| Some(find(asked.id, &reading)?.1.movie_id()));
    let movies = movies.fold(Needs::default(), Needs::and_stream);
    reading.load(movies).await?;
    Ok(CheckedShowtimes {
        showtimes: asked().filter_map(|asked| check(asked, &reading)).collect(),
        layouts: layouts(&query, &reading),
        as_of: Some(reading.as_of()),
    })
}

/// The layouts of the showtimes' halls, as many as may be in one answer.
fn layouts(query: &CheckShowtimes, reading: &Reading<Movies>) -> BTreeMap<HallId, Layout> {
    let (mut layouts, mut runs) = (BTreeMap::new(), 0);
    for (hall, _) in query.showtimes.iter().filter_map(|asked| find(asked.id, reading)) {
        let (id, layout) = (hall.reference().id, hall.layout());
        let more: usize = layout.rows.iter().map(|row| row.runs.len()).sum();
        if runs + more <= RUNS && !layouts.contains_key(&id) {
            runs += more;
            layouts.insert(id, layout.clone());
        }
    }
    layouts
}

fn check(asked: &CheckShowtime, reading: &Reading<Movies>) -> Option<CheckedShowtime> {
    let (hall, screening) = find(asked.id, reading)?;
    let movie = reading.state(screening.movie_id()).movie()?;
    let showtime = screening.view(movie.reference(), hall.reference());
    Some(CheckedShowtime::new(showtime, hall.layout(), &asked.seats))
}

fn find(id: ShowtimeId, reading: &Reading<Movies>) -> Option<(&Hall, &Screening)> {
    let hall = reading.state(reading.holder(&claims::showtime(id))?).hall()?;
    Some((hall, hall.showtimes().screening(id)?))
}
