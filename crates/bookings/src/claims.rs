//! What there is one of, as the database's primary key has it. All are held by the showtime's stream, but for the fence
//! of an erased user, which only has to be there.

use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::layout::Seat;
use runtime::domain::Claim;

/// The kind of [`booking`].
pub const BOOKING: &str = "booking";
/// The kind of [`user_showtime`].
pub const USER_SHOWTIME: &str = "user-showtime";

/// The kind of [`seat`].
pub const SEAT: &str = "seat";
/// The kind of [`closed_showtime`].
pub const CLOSED_SHOWTIME: &str = "closed-showtime";
/// The kind of [`erased_user`].
pub const ERASED_USER: &str = "erased-user";

/// A booking's id: tells the showtime of a command that only names the booking. Never given back.
pub fn booking(id: BookingId) -> Claim {
    Claim::new(BOOKING, id.to_string())
}

/// A seat of a showtime: what backs "sold once" in the database.
pub fn seat(showtime: ShowtimeId, seat: Seat) -> Claim {
    Claim::new(SEAT, format!("{showtime}/{seat}"))
}

/// That a user has, or had, a booking of a showtime: finds all their showtimes. Never given back.
pub fn user_showtime(user: UserId, showtime: ShowtimeId) -> Claim {
    Claim::new(USER_SHOWTIME, format!("{}{showtime}", showtimes_of(user)))
}

/// How the values of all of a user's [`user_showtime`] claims start.
pub fn showtimes_of(user: UserId) -> String {
    format!("{user}/")
}

/// The fence around a cancelled showtime: from here on nothing is booked, whatever was known of it before.
pub fn closed_showtime(showtime: ShowtimeId) -> Claim {
    Claim::new(CLOSED_SHOWTIME, showtime.to_string())
}

/// The fence around an erased user: from here on they book nothing, whatever was known of them before.
pub fn erased_user(user: UserId) -> Claim {
    Claim::new(ERASED_USER, user.to_string())
}
