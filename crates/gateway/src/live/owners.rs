//! Whose a booking is: only the first of its events says so.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contracts::bookings::GetBooking;
use contracts::ids::{BookingId, UserId};
use contracts::{Positions, Problem, Service};
use lru::LruCache;
use runtime::client::Client;

use super::entry::{Concerns, Entry};

/// Bookings whose users are remembered. Of another, the bookings service is asked, once for all listeners.
const BOOKINGS: NonZeroUsize = NonZeroUsize::new(5_000).unwrap();

/// The users of the bookings that were heard of last.
pub(crate) struct Owners {
    client: Client,
    known: Mutex<LruCache<BookingId, UserId>>,
    /// One question at a time: all listeners have the same one.
    asking: tokio::sync::Mutex<()>,
}

impl Owners {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, known: Mutex::new(LruCache::new(BOOKINGS)), asking: tokio::sync::Mutex::new(()) }
    }

    /// Remembers what the event tells.
    pub(crate) fn learn(&self, entry: &Entry) {
        if let Concerns::Booking(booking, Some(user)) = entry.concerns {
            self.known().put(booking, user);
        }
    }

    /// The user of a booking, of which something happened at this position.
    ///
    /// # Errors
    /// When the bookings service is asked and does not answer.
    pub(crate) async fn of(&self, booking: BookingId, position: u64) -> Result<UserId, Problem> {
        if let Some(user) = self.look_up(booking) {
            return Ok(user);
        }
        let _one_at_a_time = self.asking.lock().await;
        if let Some(user) = self.look_up(booking) {
            return Ok(user);
        }
        let least = Positions::of(Service::Bookings, position);
        let user = self.client.ask(&GetBooking { id: booking }, &least).await?.user_id;
        self.known().put(booking, user);
        Ok(user)
    }

    fn look_up(&self, booking: BookingId) -> Option<UserId> {
        self.known().get(&booking).copied()
    }

    fn known(&self) -> MutexGuard<'_, LruCache<BookingId, UserId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
