//! Every rule: given what has happened, when this is asked, then that follows.

use std::sync::Arc;

use chrono::TimeDelta;
use contracts::bookings::{BookingStatus, CancelBooking, CancelReason, CancelShowtimeBookings, SeatsChanged};
use contracts::ids::UserId;
use contracts::{Case, Problem};

use super::fixtures::*;
use super::{Facts, Seating};
use crate::domain::check_erased;

/// Places a booking of a fresh id on an open showtime.
fn when_placed(seating: &Seating, by: UserId, names: &[&str]) -> Result<Vec<(String, u32)>, Problem> {
    let command = place(by, seats(names));
    let checked = checked(command.seats.as_slice());
    seating.place(booking(99), &command, fine(&checked), before()).map(|event| sold(&event.seats))
}

fn when_changed(seating: &Seating, number: u128, names: &[&str]) -> Result<SeatsChanged, Problem> {
    let command = change(number, names);
    let checked = checked(command.seats.as_slice());
    seating.change_seats(&command, None, Some(&checked), before())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Problem>, case: Case) -> Problem {
    let problem = result.unwrap_err();
    assert!(problem.is(case), "{problem:?} instead of {case:?}");
    problem
}

/// Field and reason of each error.
fn reasons(problem: &Problem) -> Vec<(&str, &str)> {
    problem.errors.iter().map(|error| (error.field.as_str(), error.reason.as_str())).collect()
}

fn pairs(seats: &[(&str, u32)]) -> Vec<(String, u32)> {
    seats.iter().map(|(seat, amount)| ((*seat).to_owned(), *amount)).collect()
}

#[test]
fn seats_are_sold_at_the_price_of_their_category() {
    let seats = when_placed(&Seating::default(), user(1), &["B2", "A1"]).unwrap();
    assert_eq!(seats, pairs(&[("A1", 1000), ("B2", 1500)]));
}

#[test]
fn a_placed_booking_stands_and_has_its_seats() {
    let seating = given(&[(1, 1, &["A1", "B2"])]);
    let booked = seating.booking(booking(1)).unwrap();
    assert_eq!((booked.version, booked.status), (1, BookingStatus::Confirmed));
    assert_eq!((booked.user_id, booked.total().amount), (user(1), 2500));
    assert!(seating.is_taken(seat("A1")) && !seating.is_taken(seat("A2")));
    assert!(seating.knows(user(1)) && !seating.knows(user(2)));
}

#[test]
fn each_seat_that_cannot_be_had_is_named_with_the_reason() {
    let seating = given(&[(1, 1, &["A1"])]);
    let problem = refused(when_placed(&seating, user(2), &["A1", "A2", "A6", "C1"]), Case::SeatsUnavailable);
    assert_eq!(reasons(&problem), [("seats.A1", "taken"), ("seats.A6", "blocked"), ("seats.C1", "unknown")]);
    assert_eq!(problem.detail, "3 of 4 seats cannot be booked");
}

#[test]
fn a_seat_without_a_price_is_not_given_away() {
    let command = place(user(1), seats(&["A1"]));
    let mut checked = checked(command.seats.as_slice());
    Arc::make_mut(&mut checked.showtime).prices.clear();
    let result = Seating::default().place(booking(1), &command, fine(&checked), before());
    assert_eq!(reasons(&refused(result, Case::SeatsUnavailable)), [("seats.A1", "blocked")]);
}

#[test]
fn a_booking_is_made_once() {
    let command = place(user(1), seats(&["A2"]));
    let checked = checked(command.seats.as_slice());
    let seating = given(&[(1, 1, &["A1"])]);
    refused(seating.place(booking(1), &command, fine(&checked), before()), Case::AlreadyExists);
}

#[test]
fn the_user_and_the_showtime_must_exist() {
    let command = place(user(1), seats(&["A1"]));
    let checked = checked(command.seats.as_slice());
    let unknown = |facts| {
        let problem = refused(Seating::default().place(booking(1), &command, facts, before()), Case::UnknownReference);
        problem.errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
    };
    assert_eq!(unknown(Facts { user_may_book: false, ..fine(&checked) }), ["user_id"]);
    assert_eq!(unknown(Facts { showtime: None, ..fine(&checked) }), ["showtime_id"]);
    assert_eq!(unknown(Facts { showtime: None, closed: false, user_may_book: false }), ["user_id", "showtime_id"]);
}

#[test]
fn a_showtime_is_booked_until_the_moment_it_starts() {
    let command = place(user(1), seats(&["A1"]));
    let checked = checked(command.seats.as_slice());
    let at = |now| Seating::default().place(booking(1), &command, fine(&checked), now);
    assert!(at(start() - TimeDelta::microseconds(1)).is_ok());
    refused(at(start()), Case::ShowtimeStarted);
}

#[test]
fn a_cancelled_showtime_is_not_booked() {
    let command = place(user(1), seats(&["A1"]));
    let result = Seating::default().place(booking(1), &command, fine(&cancelled_showtime()), before());
    refused(result, Case::ShowtimeCancelled);
}

#[test]
fn a_showtime_whose_bookings_were_cancelled_is_closed_whatever_was_known_of_it_before() {
    let command = place(user(1), seats(&["A1"]));
    let checked = checked(command.seats.as_slice());
    let closed = Facts { closed: true, ..fine(&checked) };
    refused(Seating::default().place(booking(2), &command, closed, before()), Case::ShowtimeCancelled);
}

#[test]
fn a_user_has_ten_seats_of_a_showtime_at_most() {
    let seating = given(&[(1, 1, &["A1", "A2", "A3", "A4", "A5"]), (2, 1, &["B1", "B2", "B3", "B4"])]);
    assert!(when_placed(&seating, user(1), &["B5"]).is_ok());
    refused(when_placed(&seating, user(1), &["B5", "B6"]), Case::TooManySeats);
    assert!(when_placed(&seating, user(2), &["B5", "B6"]).is_ok());
    // A booking that changes gives back what it has.
    assert!(when_changed(&seating, 2, &["B1", "B2", "B3", "B4", "B5"]).is_ok());
    refused(when_changed(&seating, 2, &["B1", "B2", "B3", "B4", "B5", "B6"]), Case::TooManySeats);
}

#[test]
fn a_kept_seat_costs_what_it_was_sold_for() {
    let seating = given(&[(1, 1, &["A1", "A2"])]);
    let command = change(1, &["A2", "A3"]);
    let mut dearer = checked(command.seats.as_slice());
    Arc::make_mut(&mut dearer.showtime).prices.values_mut().for_each(|price| price.amount += 200);
    let event = seating.change_seats(&command, None, Some(&dearer), before()).unwrap();
    assert_eq!(sold(&event.seats), pairs(&[("A2", 1000), ("A3", 1200)]));

    let seating = then(seating, event);
    let booked = seating.booking(booking(1)).unwrap();
    assert_eq!((booked.version, booked.total().amount), (2, 2200));
    assert_eq!(["A1", "A2", "A3"].map(|name| seating.is_taken(seat(name))), [false, true, true]);
}

#[test]
fn seats_are_changed_all_or_none() {
    let seating = given(&[(1, 1, &["A1", "A2"]), (2, 2, &["B1"])]);
    let problem = refused(when_changed(&seating, 1, &["A3", "B1"]), Case::SeatsUnavailable);
    assert_eq!(reasons(&problem), [("seats.B1", "taken")]);
}

#[test]
fn a_booking_is_changed_and_cancelled_only_as_the_caller_saw_it() {
    let seating = given(&[(1, 1, &["A1"])]);
    let (other, checked) = (change(1, &["A1"]), checked(&[seat("A1")]));
    let cancel = CancelBooking { id: booking(1) };
    refused(seating.change_seats(&other, Some(2), Some(&checked), before()), Case::VersionMismatch);
    refused(seating.cancel(&cancel, Some(2), Some(&checked), before()), Case::VersionMismatch);
    assert!(seating.change_seats(&other, Some(1), Some(&checked), before()).is_ok());
    assert!(seating.cancel(&cancel, Some(1), Some(&checked), before()).is_ok());
}

#[test]
fn a_booking_must_exist_to_be_changed_or_cancelled() {
    refused(when_changed(&Seating::default(), 1, &["A1"]), Case::NotFound);
    let cancel = CancelBooking { id: booking(1) };
    refused(Seating::default().cancel(&cancel, None, Some(&checked(&[])), before()), Case::NotFound);
}

#[test]
fn a_booking_is_changed_and_cancelled_until_the_start() {
    let seating = given(&[(1, 1, &["A1"])]);
    let checked = checked(&[seat("A1")]);
    let cancel = CancelBooking { id: booking(1) };
    refused(seating.change_seats(&change(1, &["A1"]), None, Some(&checked), start()), Case::ShowtimeStarted);
    refused(seating.cancel(&cancel, None, Some(&checked), start()), Case::ShowtimeStarted);
    refused(seating.change_seats(&change(1, &["A1"]), None, None, before()), Case::UnknownReference);
    refused(seating.cancel(&cancel, None, None, before()), Case::UnknownReference);
    let gone = cancelled_showtime();
    refused(seating.change_seats(&change(1, &["A1"]), None, Some(&gone), before()), Case::ShowtimeCancelled);
    // What was cancelled never starts.
    assert!(seating.cancel(&cancel, None, Some(&gone), start()).is_ok());
}

#[test]
fn a_cancelled_booking_frees_its_seats_and_keeps_its_record() {
    let seating = given(&[(1, 1, &["A1", "A2"])]);
    let event = seating.cancel(&CancelBooking { id: booking(1) }, None, Some(&checked(&[])), before()).unwrap();
    assert_eq!(event.reason, CancelReason::Requested);
    let seating = then(seating, event);
    let booked = seating.booking(booking(1)).unwrap();
    assert_eq!((booked.version, booked.status, booked.seats.len()), (2, BookingStatus::Cancelled, 2));
    assert!(!seating.is_taken(seat("A1")));
    assert!(seating.knows(user(1)));
    assert!(when_placed(&seating, user(2), &["A1", "A2"]).is_ok());
    refused(when_changed(&seating, 1, &["A3"]), Case::BookingCancelled);
    let again = seating.cancel(&CancelBooking { id: booking(1) }, None, Some(&checked(&[])), before());
    refused(again, Case::BookingCancelled);
}

#[test]
fn a_cancelled_showtimes_bookings_are_cancelled_once() {
    let mut seating = given(&[(1, 1, &["A1"]), (2, 2, &["A2"])]);
    let command = CancelShowtimeBookings { showtime_id: SHOWTIME };
    refused(seating.cancel_all(&command, Some(&checked(&[]))), Case::ShowtimeNotCancelled);
    refused(seating.cancel_all(&command, None), Case::UnknownReference);

    let events = seating.cancel_all(&command, Some(&cancelled_showtime())).unwrap();
    assert_eq!(events.iter().map(|event| event.booking_id).collect::<Vec<_>>(), [booking(1), booking(2)]);
    assert!(events.iter().all(|event| event.reason == CancelReason::ShowtimeCancelled));
    events.into_iter().for_each(|event| seating.apply(&event.into(), before()));
    assert_eq!(seating.cancel_all(&command, Some(&cancelled_showtime())).unwrap(), []);
}

#[test]
fn an_erased_users_bookings_are_cancelled_once_and_no_one_elses() {
    let mut seating = given(&[(1, 1, &["A1"]), (2, 2, &["A2"]), (3, 1, &["A3"])]);
    let events = seating.cancel_user(&erase(1), SHOWTIME, Some(&checked(&[])), before());
    assert_eq!(events.iter().map(|event| event.booking_id).collect::<Vec<_>>(), [booking(1), booking(3)]);
    assert!(events.iter().all(|event| event.reason == CancelReason::UserDeleted));
    events.into_iter().for_each(|event| seating.apply(&event.into(), before()));
    assert_eq!(seating.cancel_user(&erase(1), SHOWTIME, Some(&checked(&[])), before()), []);
    assert!(seating.is_taken(seat("A2")));
}

#[test]
fn who_sits_in_the_hall_already_is_not_cancelled_by_being_erased() {
    let seating = given(&[(1, 1, &["A1"])]);
    assert_eq!(seating.cancel_user(&erase(1), SHOWTIME, Some(&checked(&[])), start()), []);
    assert_eq!(seating.cancel_user(&erase(1), SHOWTIME, Some(&cancelled_showtime()), start()).len(), 1);
    // Nothing is known of a showtime that was booked after the others were asked.
    assert_eq!(seating.cancel_user(&erase(1), SHOWTIME, None, before()).len(), 1);
}

#[test]
fn who_may_still_book_is_not_erased() {
    refused(check_erased(&erase(1), true), Case::UserNotDeleted);
    assert!(check_erased(&erase(1), false).is_ok());
}
