//! What holds after any sequence of commands.

use std::collections::BTreeSet;

use contracts::Problem;
use contracts::bookings::{BookingEvent, CancelBooking, CancelShowtimeBookings, ChangeSeats, MAX_SEATS};
use contracts::ids::UserId;
use contracts::layout::Seat;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::Seating;
use super::fixtures::*;

/// A command, refused ones among them: any seat of the hall, one that is not sold, one that is not there.
#[derive(Clone, Debug)]
enum Asked {
    Place(u128, Vec<Seat>),
    Change(u128, Vec<Seat>),
    Cancel(u128),
    Erase(u128),
    CancelShowtime,
}

fn some_seats() -> impl Strategy<Value = Vec<Seat>> {
    let names = ["A1", "A2", "A3", "A4", "A5", "A6", "B1", "B2", "B3", "B4", "B5", "B6", "C1"];
    btree_set(prop::sample::select(names.to_vec()), 1..=4)
        .prop_map(|names| names.into_iter().map(seat).collect::<Vec<_>>())
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        6 => (0..3u128, some_seats()).prop_map(|(by, seats)| Asked::Place(by, seats)),
        4 => (0..12u128, some_seats()).prop_map(|(number, seats)| Asked::Change(number, seats)),
        3 => (0..12u128).prop_map(Asked::Cancel),
        1 => (0..3u128).prop_map(Asked::Erase),
        1 => Just(Asked::CancelShowtime),
    ]
}

/// The events that follow from the command number `number`.
fn decide(seating: &Seating, number: u128, asked: &Asked) -> Result<Vec<BookingEvent>, Problem> {
    match asked {
        Asked::Place(by, wanted) => {
            let command = place(user(*by), wanted.clone().try_into().unwrap());
            let event = seating.place(booking(number), &command, fine(&checked(wanted)), before())?;
            Ok(vec![event.into()])
        }
        Asked::Change(of, wanted) => {
            let command = ChangeSeats { id: booking(*of), seats: wanted.clone().try_into().unwrap() };
            Ok(vec![seating.change_seats(&command, None, Some(&checked(wanted)), before())?.into()])
        }
        Asked::Cancel(of) => {
            let command = CancelBooking { id: booking(*of) };
            Ok(vec![seating.cancel(&command, None, Some(&checked(&[])), before())?.into()])
        }
        Asked::Erase(by) => {
            let events = seating.cancel_user(&erase(*by), SHOWTIME, Some(&checked(&[])), before());
            Ok(events.into_iter().map(BookingEvent::from).collect())
        }
        Asked::CancelShowtime => {
            let command = CancelShowtimeBookings { showtime_id: SHOWTIME };
            let events = seating.cancel_all(&command, Some(&cancelled_showtime()))?;
            Ok(events.into_iter().map(BookingEvent::from).collect())
        }
    }
}

/// The seats of the bookings that stand. Fails when two have the same.
fn seats_of_standing(seating: &Seating) -> BTreeSet<Seat> {
    let mut seats = BTreeSet::new();
    for sold in seating.bookings().filter(|(_, booked)| booked.stands()).flat_map(|(_, booked)| &booked.seats) {
        assert!(seats.insert(sold.seat), "{} is sold twice", sold.seat);
    }
    seats
}

fn held(seating: &Seating, by: UserId) -> usize {
    seating.bookings().filter(|(_, b)| b.user_id == by && b.stands()).map(|(_, b)| b.seats.len()).sum()
}

fn wanted(asked: &Asked) -> Option<&Vec<Seat>> {
    match asked {
        Asked::Place(_, seats) | Asked::Change(_, seats) => Some(seats),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_seat_is_sold_once_and_to_whom_the_seating_says(commands in vec(asked(), 1..40)) {
        let mut seating = Seating::default();
        for (number, asked) in commands.iter().enumerate() {
            for event in decide(&seating, number as u128, asked).unwrap_or_default() {
                seating.apply(&event, before());
            }
            prop_assert_eq!(&seats_of_standing(&seating), &seating.taken);
            prop_assert!((0..3).all(|by| held(&seating, user(by)) <= MAX_SEATS));
            prop_assert!((0..3).all(|by| held(&seating, user(by)) == seating.held.get(&user(by)).map_or(0, |held| usize::from(*held))));
        }
    }

    #[test]
    fn a_command_gets_all_its_seats_or_changes_nothing(commands in vec(asked(), 1..40)) {
        let mut seating = Seating::default();
        for (number, asked) in commands.iter().enumerate() {
            let before_it = seating.clone();
            let events = decide(&seating, number as u128, asked);
            for event in events.iter().flatten() {
                seating.apply(event, before());
            }
            match (events, wanted(asked)) {
                (Err(_), _) => prop_assert_eq!(&seating, &before_it),
                (Ok(events), Some(wanted)) => {
                    let (id, booked) = before_it.after(&events[0], before()).unwrap();
                    prop_assert_eq!(booked.seats.iter().map(|sold| sold.seat).collect::<Vec<_>>(), wanted.clone());
                    prop_assert_eq!(booked.total().amount, booked.seats.iter().map(|sold| sold.price.amount).sum::<u32>());
                    prop_assert_eq!(seating.booking(id), Some(&booked));
                    prop_assert!(wanted.iter().all(|seat| seating.is_taken(*seat)));
                }
                (Ok(_), None) => {}
            }
        }
    }

    #[test]
    fn what_is_cancelled_is_free(commands in vec(asked(), 1..40)) {
        let mut seating = Seating::default();
        for (number, asked) in commands.iter().enumerate() {
            for event in decide(&seating, number as u128, asked).unwrap_or_default() {
                seating.apply(&event, before());
                if let BookingEvent::Cancelled(event) = &event {
                    let booked = seating.booking(event.booking_id).unwrap();
                    prop_assert!(booked.seats.iter().all(|sold| !seating.is_taken(sold.seat)));
                    prop_assert!(!booked.stands());
                }
            }
            match asked {
                Asked::Erase(by) => prop_assert_eq!(held(&seating, user(*by)), 0),
                Asked::CancelShowtime => prop_assert!(seating.taken.is_empty()),
                _ => {}
            }
        }
    }

    #[test]
    fn the_journal_rebuilds_the_same_state(commands in vec(asked(), 1..40)) {
        let (mut seating, mut journal) = (Seating::default(), Vec::new());
        for (number, asked) in commands.iter().enumerate() {
            for event in decide(&seating, number as u128, asked).unwrap_or_default() {
                seating.apply(&event, before());
                journal.push(event);
            }
        }
        let mut rebuilt = Seating::default();
        journal.iter().for_each(|event| rebuilt.apply(event, before()));
        prop_assert_eq!(rebuilt, seating);
    }
}
