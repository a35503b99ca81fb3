//! Given what has happened, when this is asked, then that follows.

use contracts::movies::MovieEvent;
use contracts::showtimes::{Showtime, ShowtimeStatus};

use super::super::given::*;
use super::*;

fn hall(events: &[MovieEvent]) -> Hall {
    state(&[&[hall_added()], events].concat()).hall().unwrap().clone()
}

fn movie() -> Movie {
    state(&[movie_added()]).movie().unwrap().clone()
}

fn schedule(hall: &Hall, details: ShowtimeDetails) -> Result<ShowtimeScheduled, Problem> {
    hall.schedule(OTHER_SHOWTIME, &ScheduleShowtime { id: None, details }, &movie(), NOW)
}

fn reschedule(hall: &Hall, details: ShowtimeDetails) -> Result<ShowtimeRescheduled, Problem> {
    hall.reschedule(&RescheduleShowtime { id: SHOWTIME, details }, None, NOW)
}

fn view(hall: &Hall) -> Showtime {
    hall.showtimes().screening(SHOWTIME).unwrap().view(movie().reference(), hall.reference())
}

/// Field and reason of each error.
fn errors(problem: &Problem) -> Vec<(&str, &str)> {
    problem.errors.iter().map(|error| (error.field.as_str(), error.reason.as_str())).collect()
}

#[test]
fn the_runtime_decides_when_a_showtime_ends() {
    let event = schedule(&hall(&[]), show(at(20, 0))).unwrap();
    assert_eq!((event.showtime_id, event.ends_at, event.details), (OTHER_SHOWTIME, at(21, 57), show(at(20, 0))));
}

#[test]
fn a_showtime_needs_a_movie_and_a_hall_and_an_id_of_its_own() {
    let (movie, hall) = (movie(), hall(&[]));
    assert!(references(&show(at(20, 0)), Some(&movie), Some(&hall)).is_ok());
    let problem = references(&show(at(20, 0)), None, None).unwrap_err();
    assert!(problem.is(Case::UnknownReference));
    assert_eq!(errors(&problem), [("movie_id", "unknown"), ("hall_id", "unknown")]);
    let problem = references(&show(at(20, 0)), Some(&movie), None).unwrap_err();
    assert_eq!(errors(&problem), [("hall_id", "unknown")]);
    assert_refused(check_unused(SHOWTIME, Some(OTHER_HALL)), Case::AlreadyExists);
    assert!(check_unused(SHOWTIME, None).is_ok());
}

#[test]
fn a_showtime_starts_in_the_future_on_full_five_minutes() {
    for bad in [NOW, at(9, 0), at(20, 3), at(20, 0) + Duration::seconds(1), at(20, 0) + Duration::milliseconds(1)] {
        let problem = schedule(&hall(&[]), show(bad)).unwrap_err();
        assert!(problem.is(Case::InvalidInput));
        assert_eq!(errors(&problem), [("starts_at", "invalid")]);
    }
    assert_refused(schedule(&hall(&[]), show(NOW + Duration::days(4000))), Case::InvalidInput);
    assert!(schedule(&hall(&[]), show(at(10, 5))).is_ok());
}

#[test]
fn every_category_of_the_hall_has_a_price_and_no_other() {
    let priced = |given: &[(&str, u32, &str)]| {
        let problem = schedule(&hall(&[]), ShowtimeDetails { prices: prices(given), ..show(at(20, 0)) }).unwrap_err();
        assert!(problem.is(Case::InvalidInput));
        errors(&problem).into_iter().map(|(field, reason)| format!("{field} {reason}")).collect::<Vec<_>>()
    };
    assert_eq!(priced(&[]), ["prices.premium missing", "prices.standard missing"]);
    assert_eq!(priced(&[("standard", 1250, "EUR")]), ["prices.premium missing"]);
    assert_eq!(
        priced(&[("standard", 1250, "EUR"), ("premium", 1650, "EUR"), ("vip", 2000, "EUR")]),
        ["prices.vip unknown"]
    );
    assert_eq!(priced(&[("premium", 1650, "EUR"), ("standard", 1250, "USD")]), ["prices.standard mixed"]);
    assert_eq!(priced(&[("premium", 10_000_001, "EUR"), ("standard", 1250, "EUR")]), ["prices.premium invalid"]);
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let details = ShowtimeDetails { prices: prices(&[("premium", 1650, "EUR")]), ..show(at(9, 0)) };
    let problem = schedule(&hall(&[]), details).unwrap_err();
    assert_eq!(errors(&problem), [("starts_at", "invalid"), ("prices.standard", "missing")]);
}

#[test]
fn a_hall_is_cleaned_between_screenings() {
    // It shows until 21:57 and is clean at 22:12.
    let hall = hall(&[scheduled(SHOWTIME, at(20, 0))]);
    for bad in [at(18, 0), at(20, 0), at(20, 55), at(22, 10), at(17, 50)] {
        let problem = schedule(&hall, show(bad)).unwrap_err();
        assert!(problem.is(Case::HallOccupied), "{bad}");
        assert_eq!(errors(&problem), [("starts_at", "occupied")]);
    }
    // Before: 17:45 ends at 19:42 and is clean at 19:57.
    for good in [at(22, 15), at(17, 45)] {
        assert!(schedule(&hall, show(good)).is_ok(), "{good}");
    }
}

#[test]
fn a_long_movie_does_not_swallow_a_short_one() {
    let hall = hall(&[scheduled(SHOWTIME, at(20, 0))]);
    let long = state(&[contracts::movies::MovieAdded { movie_id: MOVIE, details: film("Satantango", 439) }.into()]);
    let command = ScheduleShowtime { id: None, details: show(at(18, 0)) };
    assert_refused(hall.schedule(OTHER_SHOWTIME, &command, long.movie().unwrap(), NOW), Case::HallOccupied);
}

#[test]
fn a_rescheduled_showtime_keeps_its_length() {
    let given = [scheduled(SHOWTIME, at(20, 0))];
    let details = ShowtimeDetails { format: "3D".to_owned().try_into().unwrap(), ..show(at(20, 30)) };
    let event = reschedule(&hall(&given), details).unwrap();
    let showtime = view(&hall(&[&given[..], &[event.into()]].concat()));
    assert_eq!((showtime.version, showtime.starts_at, showtime.ends_at), (2, at(20, 30), at(22, 27)));
    assert_eq!((showtime.format.as_str(), showtime.status), ("3D", ShowtimeStatus::Scheduled));
}

#[test]
fn a_showtime_is_not_moved_onto_another() {
    let hall = hall(&[scheduled(SHOWTIME, at(17, 0)), scheduled(OTHER_SHOWTIME, at(20, 0))]);
    assert_refused(reschedule(&hall, show(at(18, 0))), Case::HallOccupied);
    assert!(reschedule(&hall, show(at(17, 45))).is_ok());
}

#[test]
fn movie_hall_and_currency_stay() {
    let hall = hall(&[scheduled(SHOWTIME, at(20, 0))]);
    let dollars = prices(&[("standard", 1250, "USD"), ("premium", 1650, "USD")]);
    let details = ShowtimeDetails { movie_id: OTHER_MOVIE, hall_id: OTHER_HALL, prices: dollars, ..show(at(20, 0)) };
    let problem = reschedule(&hall, details).unwrap_err();
    assert!(problem.is(Case::Immutable));
    let fields = problem.errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>();
    assert_eq!(fields, ["movie_id", "hall_id", "prices.premium", "prices.standard"]);
    let dearer = prices(&[("standard", 1350, "EUR"), ("premium", 1750, "EUR")]);
    assert!(reschedule(&hall, ShowtimeDetails { prices: dearer, ..show(at(20, 0)) }).is_ok());
    assert_refused(reschedule(&hall, show(at(20, 1))), Case::InvalidInput);
}

#[test]
fn a_cancelled_showtime_is_kept_and_stays_cancelled() {
    let given = [scheduled(SHOWTIME, at(20, 0))];
    let event = hall(&given).cancel(SHOWTIME, Some(1), NOW).unwrap();
    assert_eq!(event, ShowtimeCancelled { showtime_id: SHOWTIME, movie_id: MOVIE, hall_id: HALL });
    let hall = hall(&[&given[..], &[event.into()]].concat());
    assert_eq!((view(&hall).status, view(&hall).version), (ShowtimeStatus::Cancelled, 2));
    assert_refused(hall.cancel(SHOWTIME, None, NOW), Case::ShowtimeCancelled);
    assert_refused(reschedule(&hall, show(at(21, 0))), Case::ShowtimeCancelled);
    assert!(schedule(&hall, show(at(20, 0))).is_ok());
}

#[test]
fn a_started_showtime_stays_as_it_is() {
    let hall = hall(&[scheduled(SHOWTIME, at(20, 0))]);
    assert_refused(hall.cancel(SHOWTIME, None, at(20, 0)), Case::ShowtimeStarted);
    let command = RescheduleShowtime { id: SHOWTIME, details: show(at(22, 0)) };
    assert_refused(hall.reschedule(&command, None, at(20, 0)), Case::ShowtimeStarted);
    assert!(hall.cancel(SHOWTIME, None, at(19, 59)).is_ok());
}

#[test]
fn what_the_caller_has_not_seen_is_not_changed() {
    let hall = hall(&[scheduled(SHOWTIME, at(20, 0))]);
    assert_refused(hall.cancel(SHOWTIME, Some(2), NOW), Case::VersionMismatch);
    let command = RescheduleShowtime { id: SHOWTIME, details: show(at(22, 0)) };
    assert_refused(hall.reschedule(&command, Some(2), NOW), Case::VersionMismatch);
    assert_refused(hall.cancel(OTHER_SHOWTIME, Some(1), NOW), Case::NotFound);
}

#[test]
fn only_a_movie_that_is_still_to_be_shown_is_needed() {
    let hall = hall(&[scheduled(SHOWTIME, at(20, 0)), scheduled(OTHER_SHOWTIME, at(23, 0)), cancelled(OTHER_SHOWTIME)]);
    assert!(hall.showtimes().will_show(MOVIE, NOW));
    assert!(!hall.showtimes().will_show(OTHER_MOVIE, NOW));
    assert!(!hall.showtimes().will_show(MOVIE, at(20, 0)));
}
