//! One API key: what a program may be.

use contracts::Roles;
use contracts::access::ApiKeyRevoked;
use contracts::ids::ApiKeyId;
use contracts::users::UserEvent;

/// An API key.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    roles: Roles,
    revoked: bool,
}

impl ApiKey {
    /// One that was just made.
    pub fn new(roles: Roles) -> Self {
        Self { roles, revoked: false }
    }

    /// What it may be.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// True once it opens nothing any more.
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Takes it back.
    pub fn revoke(&self, id: ApiKeyId) -> ApiKeyRevoked {
        ApiKeyRevoked { key_id: id }
    }

    /// Takes in an event.
    pub fn apply(&mut self, event: &UserEvent) {
        self.revoked |= matches!(event, UserEvent::ApiKeyRevoked(_));
    }
}
