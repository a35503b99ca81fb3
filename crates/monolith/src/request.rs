//! What all requests share, and what one of them brings.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use gateway::access::{Caller, Passwords, Secrets, bearer};
use gateway::headers::IfMatch;
use gateway::instead::Instead;
use runtime::database::Database;

use crate::layouts::Layouts;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Monolith {
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    pub(crate) layouts: Arc<Layouts>,
    secrets: Secrets,
}

impl Monolith {
    pub(crate) fn new(database: Database, secrets: Secrets) -> Self {
        Self { database, passwords: Passwords::default(), layouts: Arc::default(), secrets }
    }
}

/// A request: who makes it, and on what condition.
pub(crate) struct Asking {
    pub(crate) here: Monolith,
    pub(crate) caller: Caller,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
}

impl FromRequestParts<Monolith> for Asking {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, here: &Monolith) -> Result<Self, Instead> {
        let caller = match bearer(&parts.headers)? {
            Some(token) => Caller::with_token(&here.secrets, token)?,
            None => Caller::anonymous(),
        };
        Ok(Self { here: here.clone(), caller, headers: parts.headers.clone(), uri: parts.uri.clone() })
    }
}

impl Asking {
    /// The version that `If-Match` makes a change conditional on, as the rules take it. No thing has version 0, so that
    /// one is refused as it should be.
    pub(crate) fn if_version(&self, current: u32) -> Option<u32> {
        match IfMatch::parse(&self.headers) {
            IfMatch::Any => None,
            IfMatch::Versions(versions) => Some(if versions.contains(&current) { current } else { 0 }),
        }
    }
}
