//! Who is calling, from the header `Authorization`.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use contracts::access::GetApiKey;
use contracts::ids::{SessionId, UserId};
use contracts::{Actor, Case, Positions, Problem};

use super::{Secret, tokens};
use crate::gateway::Gateway;
use crate::instead::Instead;

/// Who is calling.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who it is and what they may.
    pub(crate) actor: Actor,
    /// The session that they are in.
    pub(crate) session_id: Option<SessionId>,
    /// Until when what they came in with is good, where it says so itself.
    pub(crate) good_until: Option<DateTime<Utc>>,
}

impl Caller {
    fn without_end(actor: Actor) -> Self {
        Self { actor, session_id: None, good_until: None }
    }

    /// Refuses whoever is not staff.
    ///
    /// # Errors
    /// `Unauthenticated`, `Forbidden`.
    pub(crate) fn check_staff(&self) -> Result<(), Problem> {
        self.check(self.actor.is_staff(), "this is for staff")
    }

    /// Refuses whoever is not an admin.
    ///
    /// # Errors
    /// `Unauthenticated`, `Forbidden`.
    pub(crate) fn check_admin(&self) -> Result<(), Problem> {
        self.check(self.actor.is_admin(), "this is for admins")
    }

    /// Refuses whoever has not signed in.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub(crate) fn check_known(&self) -> Result<(), Problem> {
        self.check(self.actor != Actor::Anonymous, "")
    }

    /// Refuses whoever is neither this user nor an admin. A stranger is told that there is no such user.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`.
    pub(crate) fn check_self(&self, user: UserId) -> Result<(), Problem> {
        self.check_known()?;
        let known = self.actor.is_admin() || self.actor.is(user);
        if known { Ok(()) } else { Err(Problem::new(Case::NotFound, format!("there is no user {user}"))) }
    }

    fn check(&self, allowed: bool, otherwise: &str) -> Result<(), Problem> {
        match self.actor {
            _ if allowed => Ok(()),
            Actor::Anonymous => Err(Problem::new(Case::Unauthenticated, "sign in at /api/sessions first")),
            _ => Err(Problem::new(Case::Forbidden, otherwise)),
        }
    }
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Instead> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(Self::without_end(Actor::Anonymous)) };
        let invalid = || Problem::new(Case::Unauthenticated, "the token or key is not valid, or not any more");
        let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(invalid)?;
        let (scheme, token) = text.split_once(' ').ok_or_else(invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(invalid().into());
        }
        let token = token.trim();
        if let Some((id, secret)) = Secret::read(token) {
            let proof = gateway.client.ask(&GetApiKey { id }, &Positions::default()).await;
            let proof = proof.map_err(|problem| if problem.is(Case::NotFound) { invalid() } else { problem })?;
            // Hashes of what only the caller knows: comparing them tells nothing, however long it takes.
            return if proof.secret_hash == secret.hash()? {
                Ok(Self::without_end(Actor::Key(id, proof.roles)))
            } else {
                Err(invalid().into())
            };
        }
        let (access, good_until) = tokens::read_access(&gateway.secrets, token).map_err(|_| invalid())?;
        Ok(Self { actor: access.actor, session_id: access.session_id, good_until: Some(good_until) })
    }
}
