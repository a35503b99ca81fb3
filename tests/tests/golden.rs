//! Events as they were stored once, one file for each type and version (`schemas/golden`), are read by today's code, and
//! the states that they add up to are what they were. A golden file never changes; `RECORD_GOLDEN=1` lets the test of the
//! wire add those of new events.

use std::fs;
use std::path::{Path, PathBuf};

use bookings::domain::Seating;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::bookings::{BookingEvent, BookingStatus};
use contracts::catalogue::Catalogue;
use contracts::movies::MovieEvent;
use contracts::showtimes::{Showtime, ShowtimeDetails};
use contracts::users::UserEvent;
use contracts::{EventSet, Role, Service};
use serde_json::{Value, json};
use uuid::Uuid;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/golden")
}

fn stored<E: EventSet>(event_type: &str) -> Vec<u8> {
    let path = folder().join(format!("{}.{event_type}.json", E::SERVICE));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As the first version of each event was stored.
fn read<E: EventSet>(event: &str) -> E {
    let event_type = format!("{event}.v1");
    E::decode(&event_type, &stored::<E>(&event_type)).unwrap_or_else(|error| panic!("{event_type}: {error}"))
}

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

/// The golden files' names, and those of all events that there are.
#[test]
fn every_version_of_every_event_has_a_golden_file() {
    let mut found: Vec<String> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let events = Service::ALL.into_iter().flat_map(|service| {
        Catalogue::of(service).events.into_iter().map(move |spec| format!("{service}.{}.json", spec.name))
    });
    let mut expected: Vec<String> = events.collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

fn loses_nothing<E: EventSet>() {
    for spec in E::specs() {
        let before = stored::<E>(spec.name);
        let event = E::decode(spec.name, &before).unwrap();
        // An earlier version is written as today's.
        if event.type_name() == spec.name {
            let (before, after): (Value, Value) =
                (serde_json::from_slice(&before).unwrap(), serde_json::from_str(&event.encode().unwrap()).unwrap());
            assert_eq!(before, after, "{}", spec.name);
        }
        assert_ne!(event.entity(), Uuid::nil());
    }
}

#[test]
fn what_was_stored_is_read_whole() {
    loses_nothing::<UserEvent>();
    loses_nothing::<MovieEvent>();
    loses_nothing::<BookingEvent>();
}

#[test]
fn a_users_story_adds_up_to_the_same_state() {
    let state_after = |events: &[&str]| {
        let mut state = users::domain::State::default();
        events.iter().zip(1..).for_each(|(event, minute)| state.apply(&read(event), at(minute)));
        state
    };
    let story = ["user-registered", "user-updated", "user-roles-changed", "user-password-changed", "user-deleted"];
    let user = state_after(&story[..4]).user().unwrap().clone();
    assert!(user.roles().may(Role::Staff) && !user.roles().may(Role::Admin));
    assert_eq!(user.password_version(), 2);
    assert!(state_after(&story[..1]).user().unwrap().roles().may(Role::Customer));
    assert!(state_after(&story).user().is_none());

    let session = ["session-opened", "session-refreshed", "session-closed"];
    assert_eq!(state_after(&session[..1]).session().unwrap().generation(), Some(1));
    assert_eq!(state_after(&session[..2]).session().unwrap().generation(), Some(2));
    assert_eq!(state_after(&session).session().unwrap().generation(), None);

    let key = ["api-key-added", "api-key-revoked"];
    assert!(state_after(&key[..1]).key().unwrap().roles().may(Role::Staff));
    assert!(state_after(&key).key().is_none());
}

#[test]
fn a_movies_and_a_halls_story_add_up_to_the_same_state() {
    let state_after = |events: &[&str]| {
        let mut state = movies::domain::State::default();
        events.iter().zip(1..).for_each(|(event, minute)| state.apply(&read(event), at(minute)));
        state
    };
    // Stored without what a movie may have and need not: synopsis, genres, release date, certificate, picture.
    let movie = serde_json::to_value(state_after(&["movie-added", "movie-updated"]).movie().unwrap().view()).unwrap();
    assert_eq!(movie["version"], 2);
    assert_eq!((&movie["title"], &movie["director"]), (&json!("Metropolis"), &json!("Fritz Lang")));
    assert_eq!((&movie["rating"], &movie["runtime_minutes"]), (&json!(8.2), &json!(120)));
    assert!(state_after(&["movie-added", "movie-updated", "movie-removed"]).present_movie().is_none());

    let story = [
        "hall-added",
        "hall-updated",
        "showtime-scheduled",
        "showtime-rescheduled",
        "showtime-cancelled",
        "hall-removed",
    ];
    let MovieEvent::ShowtimeScheduled(scheduled) = read("showtime-scheduled") else { panic!("a showtime") };
    let hall_after = |events: usize| state_after(&story[..events]).hall().unwrap().clone();
    let screening_after =
        |events: usize| hall_after(events).showtimes().screening(scheduled.showtime_id).unwrap().clone();
    assert_eq!(hall_after(2).view().capacity, 49);
    let (screening, movie) = (screening_after(3), state_after(&["movie-added"]).movie().unwrap().reference());
    let (movie_id, hall_id) = (screening.movie_id(), hall_after(3).id());
    let Showtime { starts_at, ends_at, format, language, prices, .. } =
        screening.view(movie, hall_after(3).reference());
    let details = ShowtimeDetails { movie_id, hall_id, starts_at, format, language, prices };
    assert_eq!((details, ends_at), (scheduled.details, scheduled.ends_at));
    assert!(!screening_after(4).is_cancelled() && screening_after(5).is_cancelled());
    assert!(state_after(&story).present_hall().is_none());
}

#[test]
fn a_bookings_story_adds_up_to_the_same_state() {
    let BookingEvent::Placed(placed) = read("booking-placed") else { panic!("a booking") };
    let booking_after = |events: &[&str]| {
        let mut seating = Seating::default();
        events.iter().zip(1..).for_each(|(event, minute)| seating.apply(&read(event), at(minute)));
        seating.booking(placed.booking_id).unwrap().clone()
    };
    let seats =
        |events: &[&str]| booking_after(events).seats.iter().map(|sold| sold.seat.to_string()).collect::<Vec<_>>();
    let story = ["booking-placed", "booking-seats-changed", "booking-cancelled"];
    assert_eq!(seats(&story[..1]), ["A1", "E1"]);
    assert_eq!(seats(&story[..2]), ["A2"]);
    let total = |events: usize| serde_json::to_value(booking_after(&story[..events]).total()).unwrap();
    assert_eq!(total(1), json!({ "amount": 2900, "currency": "EUR" }));
    assert_eq!(total(2), json!({ "amount": 1250, "currency": "EUR" }));
    assert_eq!(booking_after(&story[..2]).status, BookingStatus::Confirmed);
    assert_eq!(booking_after(&story).status, BookingStatus::Cancelled);

    let BookingEvent::CheckedIn(checked_in) = read("booking-checked-in") else { panic!("a check-in") };
    let mut seating = Seating::default();
    let placed = contracts::bookings::BookingPlaced { booking_id: checked_in.booking_id, ..placed };
    seating.apply(&placed.into(), at(1));
    seating.apply(&checked_in.clone().into(), at(2));
    assert_eq!(seating.booking(checked_in.booking_id).unwrap().status, BookingStatus::CheckedIn);
}
