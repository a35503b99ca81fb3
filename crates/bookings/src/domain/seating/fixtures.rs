//! One small showtime to test with: A1 to A6 standard at 10.00, B1 to B6 premium at 15.00, A6 not sold; each booking at
//! most ten seats.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::bookings::{BookingEvent, CancelUserBookings, ChangeSeats, PlaceBooking, Seats, SoldSeat};
use contracts::ids::{BookingId, HallId, MovieId, ShowtimeId, UserId};
use contracts::layout::{Layout, Seat};
use contracts::showtimes::{CheckedShowtime, HallRef, MovieRef, Showtime, ShowtimeStatus};
use serde_json::json;
use uuid::Uuid;

use super::Seating;
use crate::domain::Facts;

/// The showtime.
pub(super) const SHOWTIME: ShowtimeId = ShowtimeId(Uuid::from_u128(0x5));

/// When it starts.
pub(super) fn start() -> DateTime<Utc> {
    "2030-01-31T20:00:00Z".parse().unwrap()
}

/// A moment when it can be booked.
pub(super) fn before() -> DateTime<Utc> {
    start() - TimeDelta::hours(1)
}

pub(super) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(0x100 + number))
}

pub(super) fn booking(number: u128) -> BookingId {
    BookingId(Uuid::from_u128(0x200 + number))
}

pub(super) fn seat(name: &str) -> Seat {
    name.parse().unwrap()
}

pub(super) fn seats(names: &[&str]) -> Seats {
    names.iter().map(|name| seat(name)).collect::<Vec<_>>().try_into().unwrap()
}

/// The showtime as the movies service tells of it to whoever asks for these seats.
pub(super) fn checked(wanted: &[Seat]) -> CheckedShowtime {
    let layout: Layout = serde_json::from_value(json!({ "rows": [
        { "label": "A", "runs": [
            { "kind": "seats", "count": 5, "category": "standard" }, { "kind": "blocked", "count": 1 },
        ] },
        { "label": "B", "runs": [{ "kind": "seats", "count": 6, "category": "premium" }] },
    ] }))
    .unwrap();
    let prices = json!({
        "standard": { "amount": 1000, "currency": "EUR" },
        "premium": { "amount": 1500, "currency": "EUR" },
    });
    let showtime = Showtime {
        id: SHOWTIME,
        version: 1,
        movie: MovieRef { id: MovieId(Uuid::from_u128(1)), title: "Metropolis".to_owned().try_into().unwrap() },
        hall: HallRef { id: HallId(Uuid::from_u128(2)), name: "Grand Hall".to_owned().try_into().unwrap() },
        starts_at: start(),
        ends_at: start() + TimeDelta::minutes(153),
        format: "2D".to_owned().try_into().unwrap(),
        language: "de".to_owned().try_into().unwrap(),
        prices: serde_json::from_value(prices).unwrap(),
        status: ShowtimeStatus::Scheduled,
    };
    CheckedShowtime::new(showtime, &layout, &wanted.iter().copied().collect::<BTreeSet<_>>())
}

/// The same after it was cancelled.
pub(super) fn cancelled_showtime() -> CheckedShowtime {
    let mut checked = checked(&[]);
    Arc::make_mut(&mut checked.showtime).status = ShowtimeStatus::Cancelled;
    checked
}

/// A user who may book this open showtime.
pub(super) fn fine(checked: &CheckedShowtime) -> Facts<'_> {
    Facts { showtime: Some(checked), closed: false, user_may_book: true }
}

pub(super) fn place(by: UserId, seats: Seats) -> PlaceBooking {
    PlaceBooking { id: None, user_id: by, showtime_id: SHOWTIME, seats }
}

pub(super) fn change(number: u128, names: &[&str]) -> ChangeSeats {
    ChangeSeats { id: booking(number), seats: seats(names) }
}

pub(super) fn erase(number: u128) -> CancelUserBookings {
    CancelUserBookings { user_id: user(number) }
}

/// A seating in which these bookings stand: number, user, seats.
pub(super) fn given(bookings: &[(u128, u128, &[&str])]) -> Seating {
    let mut seating = Seating::default();
    for (number, by, names) in bookings {
        let command = place(user(*by), seats(names));
        let checked = checked(command.seats.as_slice());
        let event = seating.place(booking(*number), &command, fine(&checked), before()).unwrap();
        seating.apply(&event.into(), before());
    }
    seating
}

/// What happens next.
pub(super) fn then(mut seating: Seating, event: impl Into<BookingEvent>) -> Seating {
    seating.apply(&event.into(), before());
    seating
}

/// Seats and amounts.
pub(super) fn sold(seats: &[SoldSeat]) -> Vec<(String, u32)> {
    seats.iter().map(|sold| (sold.seat.to_string(), sold.price.amount)).collect()
}
