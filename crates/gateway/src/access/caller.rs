//! Who is calling, from the header `Authorization`.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use contracts::access::GetApiKey;
use contracts::ids::{SessionId, UserId};
use contracts::{Actor, Case, Positions, Problem};

use super::{Secret, Secrets, tokens};
use crate::gateway::Gateway;
use crate::instead::Instead;

/// Who is calling.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is and what they may.
    pub actor: Actor,
    /// The session that they are in.
    pub session_id: Option<SessionId>,
    /// Until when what they came in with is good, where it says so itself.
    pub good_until: Option<DateTime<Utc>>,
}

impl Caller {
    fn without_end(actor: Actor) -> Self {
        Self { actor, session_id: None, good_until: None }
    }

    /// Who a token says it is.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn with_token(secrets: &Secrets, token: &str) -> Result<Self, Problem> {
        if let Some(caller) = secrets.verified.get(token, Utc::now()) {
            return Ok(caller);
        }
        let (access, good_until) = tokens::read_access(secrets, token).map_err(|_| not_valid())?;
        let caller = Self { actor: access.actor, session_id: access.session_id, good_until: Some(good_until) };
        secrets.verified.keep(token, caller.clone());
        Ok(caller)
    }

    /// Who has brought nothing to prove who they are.
    pub fn anonymous() -> Self {
        Self::without_end(Actor::Anonymous)
    }

    /// Refuses whoever is not staff.
    ///
    /// # Errors
    /// `Unauthenticated`, `Forbidden`.
    pub fn check_staff(&self) -> Result<(), Problem> {
        self.check(self.actor.is_staff(), "this is for staff")
    }

    /// Refuses whoever is not an admin.
    ///
    /// # Errors
    /// `Unauthenticated`, `Forbidden`.
    pub fn check_admin(&self) -> Result<(), Problem> {
        self.check(self.actor.is_admin(), "this is for admins")
    }

    /// Refuses whoever has not signed in.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn check_known(&self) -> Result<(), Problem> {
        self.check(self.actor != Actor::Anonymous, "")
    }

    /// Refuses whoever is neither this user nor an admin. A stranger is told that there is no such user.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`.
    pub fn check_self(&self, user: UserId) -> Result<(), Problem> {
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

    /// Who these headers say it is.
    ///
    /// # Errors
    /// `Unauthenticated`, and `Unavailable` where an API key can't be asked about.
    pub(crate) async fn of(headers: &HeaderMap, gateway: &Gateway) -> Result<Self, Problem> {
        let Some(token) = bearer(headers)? else { return Ok(Self::anonymous()) };
        if let Some((id, secret)) = Secret::read(token) {
            let proof = gateway.client.ask(&GetApiKey { id }, &Positions::default()).await;
            let proof = proof.map_err(|problem| if problem.is(Case::NotFound) { not_valid() } else { problem })?;
            // Hashes of what only the caller knows: comparing them tells nothing, however long it takes.
            return if proof.secret_hash == secret.hash()? {
                Ok(Self::without_end(Actor::Key(id, proof.roles)))
            } else {
                Err(not_valid())
            };
        }
        Self::with_token(&gateway.secrets, token)
    }
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Instead> {
        Ok(Self::of(&parts.headers, gateway).await?)
    }
}

/// What stands behind `Authorization: Bearer`; `None` without that header.
///
/// # Errors
/// `Unauthenticated`, for any other scheme and for two such headers.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(not_valid)?;
    let (scheme, token) = text.split_once(' ').ok_or_else(not_valid)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(not_valid()) }
}

fn not_valid() -> Problem {
    Problem::new(Case::Unauthenticated, "the token or key is not valid, or not any more")
}
