//! What the bookings service is asked, what it tells and what it answers.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{BookingId, ShowtimeId, UserId};
use crate::layout::{Category, RowLabel, Seat};
use crate::lists::{commands, events, queries};
use crate::money::Money;
use crate::page::{Limit, Page};
use crate::showtimes::{HallRef, MovieRef};

/// A booking has at most this many seats; so has a user, of one showtime.
pub const MAX_SEATS: usize = 10;

/// 1 to [`MAX_SEATS`] seats, each once, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Seat>", into = "Vec<Seat>")]
#[schemars(inline, extend("minItems" = 1, "maxItems" = MAX_SEATS, "uniqueItems" = true))]
pub struct Seats(Vec<Seat>);

impl Seats {
    /// The seats, sorted.
    pub fn as_slice(&self) -> &[Seat] {
        &self.0
    }
}

impl TryFrom<Vec<Seat>> for Seats {
    type Error = String;
    fn try_from(mut seats: Vec<Seat>) -> Result<Self, String> {
        let given = seats.len();
        seats.sort_unstable();
        seats.dedup();
        if seats.len() != given {
            return Err("must not name a seat twice".into());
        }
        if seats.is_empty() || seats.len() > MAX_SEATS {
            return Err(format!("must be 1 to {MAX_SEATS} seats"));
        }
        Ok(Self(seats))
    }
}

impl From<Seats> for Vec<Seat> {
    fn from(seats: Seats) -> Vec<Seat> {
        seats.0
    }
}

/// Books seats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceBooking {
    /// The new booking's id; without one it follows from the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<BookingId>,
    /// For whom.
    pub user_id: UserId,
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
    /// Which seats.
    pub seats: Seats,
}

/// Gives a booking other seats of the same showtime: all of them or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSeats {
    /// Which booking.
    pub id: BookingId,
    /// Its seats from now on.
    pub seats: Seats,
}

/// Cancels a booking and frees its seats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBooking {
    /// Which booking.
    pub id: BookingId,
}

/// Cancels all bookings of a cancelled showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelShowtimeBookings {
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
}

/// Cancels all bookings that an erased user has of showtimes to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelUserBookings {
    /// Whose.
    pub user_id: UserId,
}

/// The answer to a command that cancels several bookings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BookingsCancelled {
    /// Those that it cancelled; not those that already were.
    pub bookings: Vec<BookingId>,
}

/// Notes that the holders of a booking have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    /// Which booking.
    pub id: BookingId,
}

commands! {
    /// Everything that can be asked of the bookings service.
    BookingCommand of Bookings {
        /// Books seats of a showtime for a user.
        "place" => Place(PlaceBooking) -> Booking,
        /// Gives a booking other seats of the same showtime: all of them or none.
        "change-seats" => ChangeSeats(ChangeSeats) -> Booking,
        /// Cancels a booking and frees its seats.
        "cancel" => Cancel(CancelBooking) -> Booking,
        /// Notes that the holders of a booking have come.
        "check-in" => CheckIn(CheckIn) -> Booking,
        /// Cancels all bookings of a cancelled showtime.
        "cancel-showtime" => CancelShowtime(CancelShowtimeBookings) -> BookingsCancelled,
        /// Cancels all bookings that an erased user has of showtimes to come.
        "cancel-user" => CancelUser(CancelUserBookings) -> BookingsCancelled,
    }
}

/// A seat that was sold, and for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct SoldSeat {
    /// The seat.
    #[schema(value_type = String, example = "C7")]
    pub seat: Seat,
    /// What it was sold as.
    #[schema(value_type = String, example = "standard")]
    pub category: Category,
    /// What it cost.
    pub price: Money,
}

/// Seats were booked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BookingPlaced {
    /// Which booking.
    pub booking_id: BookingId,
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
    /// For whom.
    pub user_id: UserId,
    /// The seats and what they cost.
    pub seats: Vec<SoldSeat>,
}

/// A booking got other seats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeatsChanged {
    /// Which booking.
    pub booking_id: BookingId,
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
    /// The seats from now on and what they cost.
    pub seats: Vec<SoldSeat>,
}

/// Why a booking was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CancelReason {
    /// Someone asked for it.
    Requested,
    /// The showtime was cancelled.
    ShowtimeCancelled,
    /// The user was erased.
    UserDeleted,
}

/// A booking was cancelled and its seats are free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BookingCancelled {
    /// Which booking.
    pub booking_id: BookingId,
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
    /// Why.
    pub reason: CancelReason,
}

/// The holders of a booking have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BookingCheckedIn {
    /// Which booking.
    pub booking_id: BookingId,
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
}

events! {
    /// Everything that happens in the bookings service.
    BookingEvent of Bookings {
        /// Seats were booked.
        "booking-placed.v1" => Placed(BookingPlaced) about booking_id,
        /// A booking got other seats.
        "booking-seats-changed.v1" => SeatsChanged(SeatsChanged) about booking_id,
        /// The holders of a booking have come.
        "booking-checked-in.v1" => CheckedIn(BookingCheckedIn) about booking_id,
        /// A booking was cancelled and its seats are free.
        "booking-cancelled.v1" => Cancelled(BookingCancelled) about booking_id,
    }
}

/// Whether a booking stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BookingStatus {
    /// It does.
    Confirmed,
    /// It does, and its holders have come.
    CheckedIn,
    /// It does not; its seats are free.
    Cancelled,
}

/// A showtime as a booking names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct ShowtimeRef {
    /// The showtime.
    pub id: ShowtimeId,
    /// When it starts.
    pub starts_at: DateTime<Utc>,
    /// Where.
    pub hall: HallRef,
}

/// A booking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Booking {
    /// The booking.
    pub id: BookingId,
    /// Grows with every change.
    #[schema(example = 1)]
    pub version: u32,
    /// For whom.
    pub user_id: UserId,
    /// What is shown.
    pub movie: MovieRef,
    /// When and where.
    pub showtime: ShowtimeRef,
    /// The seats and what they cost.
    pub seats: Vec<SoldSeat>,
    /// What it costs together.
    pub total: Money,
    /// Whether it stands.
    pub status: BookingStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Asks for one booking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBooking {
    /// Which.
    pub id: BookingId,
}

/// Asks for bookings, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListBookings {
    /// Only this user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Only of this showtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub showtime_id: Option<ShowtimeId>,
    /// Only those that stand, or only those that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<BookingStatus>,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Asks for the seat map of a showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSeatMap {
    /// Of which.
    pub showtime_id: ShowtimeId,
}

/// Every place of the hall, and whether it can be booked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct SeatMap {
    /// Of which showtime.
    pub showtime_id: ShowtimeId,
    /// How many seats are free.
    #[schema(example = 118)]
    pub free: u32,
    /// How many seats are sold at all.
    #[schema(example = 120)]
    pub capacity: u32,
    /// From the screen to the back.
    pub rows: Vec<SeatRow>,
}

/// One row of a seat map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct SeatRow {
    /// Its label.
    #[schema(value_type = String, example = "A")]
    pub label: RowLabel,
    /// From left to right.
    pub places: Vec<Place>,
}

/// One place of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Place {
    /// A seat that can be booked.
    Free {
        /// The seat.
        #[schema(value_type = String, example = "C7")]
        seat: Seat,
        /// What it is sold as.
        #[schema(value_type = String, example = "standard")]
        category: Category,
        /// What it costs.
        price: Money,
    },
    /// A seat that is booked.
    Taken {
        /// The seat.
        #[schema(value_type = String, example = "C8")]
        seat: Seat,
        /// What it is sold as.
        #[schema(value_type = String, example = "standard")]
        category: Category,
        /// What it costs.
        price: Money,
    },
    /// A seat that is not sold.
    Blocked {
        /// The seat.
        #[schema(value_type = String, example = "C9")]
        seat: Seat,
    },
    /// No seat.
    Gap,
}

queries! { queries of Bookings Query {
    /// One booking.
    "booking" => GetBooking, Booking;
    /// Bookings, oldest first.
    "bookings" => ListBookings, Page<Booking>;
    /// The seat map of a showtime.
    "seats" => GetSeatMap, SeatMap;
}}
