//! Who may ask for what is dear, and how often. Staff and programs of theirs are not limited.

use axum::http::HeaderMap;
use contracts::Actor;

use crate::edge::{Limit, Limited};
use crate::gateway::Asking;
use crate::instead::Instead;

impl Asking {
    /// Counts an attempt to sign in, by address and by account: its e-mail address or its id.
    ///
    /// # Errors
    /// 429, with when to come back.
    pub(crate) fn limit_sign_in(&self, account: &str) -> Result<HeaderMap, Instead> {
        self.gateway.limits.check(Limit::SignIn, Limited::Address(self.address))?;
        self.gateway.limits.check(Limit::SignIn, Limited::Account(account))
    }

    /// Counts a new user, by address and by e-mail address, unless somebody adds them who may do that as often as they
    /// like.
    ///
    /// # Errors
    /// 429, with when to come back.
    pub(crate) fn limit_sign_up(&self, email: &str) -> Result<HeaderMap, Instead> {
        if self.caller.actor.is_staff() {
            return Ok(HeaderMap::new());
        }
        self.gateway.limits.check(Limit::SignUp, Limited::Account(email))?;
        self.gateway.limits.check(Limit::SignUp, Limited::Address(self.address))
    }

    /// Counts a booking.
    ///
    /// # Errors
    /// 429, with when to come back.
    pub(crate) fn limit_booking(&self) -> Result<HeaderMap, Instead> {
        match &self.caller.actor {
            Actor::Anonymous => Ok(HeaderMap::new()),
            actor if actor.is_staff() => Ok(HeaderMap::new()),
            actor => self.gateway.limits.check(Limit::Booking, Limited::Account(&actor.account())),
        }
    }
}
