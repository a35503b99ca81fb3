//! What the tests of this module start from.

use chrono::{DateTime, Duration, Utc};
use contracts::halls::{HallAdded, HallDetails, HallRemoved};
use contracts::ids::{HallId, MovieId, ShowtimeId};
use contracts::layout::{Layout, Row, Run};
use contracts::money::Money;
use contracts::movies::{MovieAdded, MovieDetails, MovieEvent, MovieRemoved};
use contracts::showtimes::{Prices, ShowtimeCancelled, ShowtimeDetails, ShowtimeScheduled};
use contracts::{Case, Problem};
use uuid::Uuid;

use super::State;

pub(super) const MOVIE: MovieId = MovieId(Uuid::from_u128(0x10));
pub(super) const OTHER_MOVIE: MovieId = MovieId(Uuid::from_u128(0x11));
pub(super) const HALL: HallId = HallId(Uuid::from_u128(0x20));
pub(super) const OTHER_HALL: HallId = HallId(Uuid::from_u128(0x21));
pub(super) const SHOWTIME: ShowtimeId = ShowtimeId(Uuid::from_u128(0x30));
pub(super) const OTHER_SHOWTIME: ShowtimeId = ShowtimeId(Uuid::from_u128(0x31));

/// The middle of a morning; events of [`state`] happened a little earlier.
pub(super) const NOW: DateTime<Utc> =
    DateTime::from_timestamp(1_900_000_000 - 1_900_000_000 % 86_400 + 36_000, 0).unwrap();

/// A time on the day of [`NOW`].
pub(super) fn at(hour: i64, minute: i64) -> DateTime<Utc> {
    NOW + Duration::minutes((hour - 10) * 60 + minute)
}

/// What these events of one stream add up to.
pub(super) fn state(events: &[MovieEvent]) -> State {
    let mut state = State::default();
    for (index, event) in events.iter().enumerate() {
        state.apply(event, NOW - Duration::seconds(60 - i64::try_from(index).unwrap()));
    }
    state
}

pub(super) fn film(title: &str, minutes: u16) -> MovieDetails {
    MovieDetails {
        title: title.to_owned().try_into().unwrap(),
        director: "Ridley Scott".to_owned().try_into().unwrap(),
        rating: 8.5.try_into().unwrap(),
        runtime_minutes: minutes.try_into().unwrap(),
        synopsis: None,
        genres: Vec::new(),
        release_date: None,
        certificate: None,
        poster_url: None,
    }
}

/// One row of ten seats for each category.
pub(super) fn layout(categories: &[&str]) -> Layout {
    let rows = categories.iter().zip('A'..).map(|(category, label)| Row {
        label: label.to_string().parse().unwrap(),
        runs: vec![Run::Seats { count: 10, category: (*category).to_owned().try_into().unwrap() }],
    });
    Layout::new(rows.collect()).unwrap()
}

/// A hall with the categories `standard` and `premium`.
pub(super) fn room(name: &str) -> HallDetails {
    HallDetails { name: name.to_owned().try_into().unwrap(), layout: layout(&["standard", "premium"]) }
}

pub(super) fn prices(prices: &[(&str, u32, &str)]) -> Prices {
    let price = |(category, amount, currency): &(&str, u32, &str)| {
        let money = Money { amount: *amount, currency: (*currency).to_owned().try_into().unwrap() };
        ((*category).to_owned().try_into().unwrap(), money)
    };
    prices.iter().map(price).collect()
}

/// The movie in the hall, at a good price for each category.
pub(super) fn show(starts_at: DateTime<Utc>) -> ShowtimeDetails {
    ShowtimeDetails {
        movie_id: MOVIE,
        hall_id: HALL,
        starts_at,
        format: "2D".to_owned().try_into().unwrap(),
        language: "en".to_owned().try_into().unwrap(),
        prices: prices(&[("standard", 1250, "EUR"), ("premium", 1650, "EUR")]),
    }
}

pub(super) fn movie_added() -> MovieEvent {
    MovieAdded { movie_id: MOVIE, details: film("Alien", 117) }.into()
}

pub(super) fn movie_removed() -> MovieEvent {
    MovieRemoved { movie_id: MOVIE }.into()
}

pub(super) fn hall_added() -> MovieEvent {
    HallAdded { hall_id: HALL, details: room("Grand Hall") }.into()
}

pub(super) fn hall_removed() -> MovieEvent {
    HallRemoved { hall_id: HALL }.into()
}

/// Of the movie that [`movie_added`] added.
pub(super) fn scheduled(id: ShowtimeId, starts_at: DateTime<Utc>) -> MovieEvent {
    let ends_at = starts_at + Duration::minutes(117);
    ShowtimeScheduled { showtime_id: id, details: show(starts_at), ends_at }.into()
}

pub(super) fn cancelled(id: ShowtimeId) -> MovieEvent {
    ShowtimeCancelled { showtime_id: id, movie_id: MOVIE, hall_id: HALL }.into()
}

#[track_caller]
pub(super) fn assert_refused<T: std::fmt::Debug>(result: Result<T, Problem>, case: Case) {
    let problem = result.unwrap_err();
    assert!(problem.is(case), "{problem:?}");
}
