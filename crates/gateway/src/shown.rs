//! Bookings as REST shows them: with the name of whom they are for. Only the users service knows names, so it is asked
//! for those of a whole page at once; while it is away, bookings are shown without.

use std::collections::HashMap;
use std::time::Duration;

use contracts::bookings::Booking;
use contracts::ids::UserId;
use contracts::page::Page;
use contracts::users::{GetNames, Names, UserRef};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::done::Done;
use crate::gateway::Asking;
use crate::representation::Representation;

/// How long a booking waits for the name that it is shown with.
const PATIENCE: Duration = Duration::from_secs(1);

/// A booking, and whom it is for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownBooking {
    #[serde(flatten)]
    booking: Booking,
    /// The user's names. Not there once the user is erased, nor while the users service is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserRef>,
}

impl Representation for ShownBooking {
    fn version(&self) -> u32 {
        self.booking.version
    }
}

impl Done<Booking> {
    /// The same with the user's names.
    pub(crate) async fn with_name(self, asking: &Asking) -> Done<ShownBooking> {
        let Self { answer, decided_at, headers } = self;
        Done { answer: asking.with_name(answer).await, decided_at, headers }
    }
}

impl Asking {
    /// One booking with its user's names.
    pub(crate) async fn with_name(&self, booking: Booking) -> ShownBooking {
        let mut names = self.names(vec![booking.user_id]).await;
        ShownBooking { user: names.remove(&booking.user_id), booking }
    }

    /// A page of bookings with their users' names.
    pub(crate) async fn with_names(&self, page: Page<Booking>) -> Page<ShownBooking> {
        let mut users: Vec<UserId> = page.items.iter().map(|booking| booking.user_id).collect();
        users.sort_unstable();
        users.dedup();
        let names = self.names(users).await;
        let shown = |booking: Booking| ShownBooking { user: names.get(&booking.user_id).cloned(), booking };
        Page { items: page.items.into_iter().map(shown).collect(), cursor: page.cursor }
    }

    async fn names(&self, users: Vec<UserId>) -> HashMap<UserId, UserRef> {
        if users.is_empty() {
            return HashMap::new();
        }
        match timeout(PATIENCE, self.ask(&GetNames { users })).await {
            Ok(Ok(Names { users })) => users.into_iter().map(|user| (user.id, user)).collect(),
            Ok(Err(_)) | Err(_) => HashMap::new(),
        }
    }
}
