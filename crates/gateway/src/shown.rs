//! Bookings as REST shows them: with the names of whom they are for, as far as those can be had.

use contracts::Problem;
use contracts::bookings::Booking;
use contracts::ids::UserId;
use contracts::page::Page;
use contracts::users::UserRef;
use serde::Serialize;
use utoipa::ToSchema;

use crate::done::Done;
use crate::gateway::Asking;
use crate::names::Found;
use crate::recall::Answer;
use crate::representation::{Representation, Shown};

/// A booking, and whom it is for.
#[derive(Serialize, ToSchema)]
pub struct ShownBooking {
    #[serde(flatten)]
    booking: Booking,
    /// The user's names. Not there once the user is erased, nor for whom the gateway has no name while the users service
    /// is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserRef>,
}

impl ShownBooking {
    /// A booking with its user's names, as far as they can be had.
    pub fn new(booking: Booking, user: Option<UserRef>) -> Self {
        Self { booking, user }
    }

    fn among(booking: Booking, names: &Found) -> Self {
        Self { user: names.get(&booking.user_id).cloned(), booking }
    }
}

impl Representation for ShownBooking {
    fn version(&self) -> u32 {
        self.booking.version
    }
}

impl Done<Booking> {
    /// The same with the user's names.
    pub(crate) fn named(self, names: &Found) -> Done<ShownBooking> {
        let Self { answer, decided_at, headers } = self;
        Done { answer: ShownBooking::among(answer, names), decided_at, headers }
    }
}

impl Asking {
    /// The names of these users.
    pub(crate) async fn names(&self, users: impl IntoIterator<Item = UserId>) -> Found {
        let changed = self.users_changed();
        let users = users.into_iter().map(|user| (user, changed(user))).collect();
        self.gateway.names.of(users, self.users_known()).await
    }

    /// One booking with its user's names, which are as old as the last event that names the user.
    pub(crate) async fn with_name(&self, booking: &Answer<Booking>) -> Result<Shown, Problem> {
        let user = booking.value.user_id;
        let changed = self.users_changed()(user).map(|position| position.to_string());
        if let Some(shown) = changed.as_deref().and_then(|changed| booking.shown(changed)) {
            return Ok(shown);
        }
        let names = self.names([user]).await;
        let shown = Shown::one(&ShownBooking::among(booking.value.clone(), &names))?;
        // They may be missing only because the users service is away.
        if let Some(changed) = changed.filter(|_| names.contains_key(&user)) {
            booking.keep(&changed, &shown);
        }
        Ok(shown)
    }

    /// A page of bookings with their users' names.
    pub(crate) async fn with_names(&self, Page { items, cursor }: Page<Booking>) -> Page<ShownBooking> {
        let names = self.names(items.iter().map(|booking| booking.user_id)).await;
        Page { items: items.into_iter().map(|booking| ShownBooking::among(booking, &names)).collect(), cursor }
    }
}
