//! What the other services' events make this one do.

use contracts::bookings::{BookingCommand, CancelShowtimeBookings, CancelUserBookings};
use contracts::movies::MovieEvent;
use contracts::users::UserEvent;
use runtime::domain::Recorded;
use runtime::reactions::Reaction;

/// A showtime is cancelled, so its bookings are.
pub struct CancelledShowtimes;

impl Reaction for CancelledShowtimes {
    type Event = MovieEvent;
    type Command = BookingCommand;
    const NAME: &'static str = "cancelled-showtimes";

    fn react(event: &Recorded<MovieEvent>) -> Vec<BookingCommand> {
        match &event.event {
            MovieEvent::ShowtimeCancelled(event) => {
                vec![CancelShowtimeBookings { showtime_id: event.showtime_id }.into()]
            }
            _ => Vec::new(),
        }
    }
}

/// A user is erased, so their bookings of showtimes to come are cancelled.
pub struct ErasedUsers;

impl Reaction for ErasedUsers {
    type Event = UserEvent;
    type Command = BookingCommand;
    const NAME: &'static str = "erased-users";

    fn react(event: &Recorded<UserEvent>) -> Vec<BookingCommand> {
        match &event.event {
            UserEvent::Deleted(event) => vec![CancelUserBookings { user_id: event.user_id }.into()],
            _ => Vec::new(),
        }
    }
}
