//! Who may come in: passwords, sessions and API keys, as far as they travel. Nothing here is a secret that opens
//! anything: a password travels as its hash, an API key as its hash, and a refresh token is a signature over a
//! session's id and its generation.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actor::Roles;
use crate::ids::{ApiKeyId, SessionId, UserId};
use crate::page::Limit;
use crate::text::{Email, Text};

/// An argon2id hash of a password in PHC form, at most 255 characters. Made in the gateway: a password goes no further.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("pattern" = r"^\$argon2id\$", "maxLength" = 255))]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let valid =
            text.starts_with("$argon2id$") && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid { Ok(Self(text)) } else { Err("must be an argon2id hash in PHC form".into()) }
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> String {
        hash.0
    }
}

/// Not even in a log.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The SHA-256 hash of an API key's secret, in hexadecimal. The secret has 256 random bits, so a fast hash will do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretHash {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let valid = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(text)) } else { Err("must be 64 hexadecimal digits".into()) }
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> String {
        hash.0
    }
}

/// Not even in a log.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// Gives a user another password, and ends their other sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// Whose.
    pub id: UserId,
    /// The new one's hash.
    pub password_hash: PasswordHash,
    /// The session that goes on: the one that the change was asked for in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}

/// Gives a user these roles, instead of those they have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoles {
    /// Whose.
    pub id: UserId,
    /// What they may be from now on.
    pub roles: Roles,
}

/// Opens a session for a user whose password was right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// The new session's id; without one it follows from the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SessionId>,
    /// Whose.
    pub user_id: UserId,
    /// Which of their passwords it was, counted from 1: one that was changed meanwhile opens nothing.
    pub password_version: u32,
}

/// Goes on with a session. A generation is used once: who comes with an older one has stolen it, or was stolen from,
/// so the session ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// Which session.
    pub id: SessionId,
    /// The generation of the refresh token.
    pub generation: u32,
}

/// Ends a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseSession {
    /// Which.
    pub id: SessionId,
}

/// A session as it is after a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionState {
    /// The session.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// What they may be.
    pub roles: Roles,
    /// The generation of the refresh token that is good now; `None` for a session that has ended.
    pub generation: Option<u32>,
}

/// The name of an API key: 1 to 100 characters.
pub type KeyName = Text<100>;

/// Makes an API key for a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddApiKey {
    /// The new key's id; without one it follows from the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ApiKeyId>,
    /// What it is for.
    pub name: KeyName,
    /// What it may be.
    pub roles: Roles,
    /// The hash of its secret.
    pub secret_hash: SecretHash,
}

/// Takes an API key back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeApiKey {
    /// Which.
    pub id: ApiKeyId,
}

/// The answer to a command about an API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyChanged {
    /// Which.
    pub id: ApiKeyId,
}

/// A user got another password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    /// Whom.
    pub user_id: UserId,
}

/// A user may be something else from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RolesChanged {
    /// Whom.
    pub user_id: UserId,
    /// What they may be from now on.
    pub roles: Roles,
}

/// A user signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionOpened {
    /// The session.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
}

/// A session goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRefreshed {
    /// The session.
    pub session_id: SessionId,
    /// The generation that is good from now on.
    pub generation: u32,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionEnd {
    /// The user signed out, or an admin ended it.
    SignedOut,
    /// A refresh token was used a second time.
    TokenReused,
    /// The user got another password.
    PasswordChanged,
    /// The user got other roles.
    RolesChanged,
    /// The user was erased.
    UserDeleted,
    /// Nobody went on with it, or there were too many of them.
    Expired,
}

/// A session ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionClosed {
    /// The session.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// Why.
    pub reason: SessionEnd,
}

/// An API key was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyAdded {
    /// Which.
    pub key_id: ApiKeyId,
    /// What it may be.
    pub roles: Roles,
}

/// An API key was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRevoked {
    /// Which.
    pub key_id: ApiKeyId,
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct ApiKey {
    /// The key.
    pub id: ApiKeyId,
    /// What it is for.
    #[schema(value_type = String, example = "Box office")]
    pub name: KeyName,
    /// What it may be.
    #[schema(value_type = Vec<crate::actor::Role>)]
    pub roles: Roles,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Asks for API keys, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListApiKeys {
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Asks for what proves a password, for the gateway only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetCredentials {
    /// Of the user with this address, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// What proves a password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Credentials {
    /// Whose.
    pub user_id: UserId,
    /// The hash; `None` for a user who has no password.
    pub password_hash: Option<PasswordHash>,
    /// Which of their passwords it is, counted from 1.
    pub password_version: u32,
}

/// Asks how a user signs in, for whoever wants to know what is stored about them; for the gateway only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAccount {
    /// Whose.
    pub id: UserId,
}

/// How a user signs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Their password; `None` for a user who has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordState>,
    /// Their open sessions, oldest first.
    pub sessions: Vec<OpenedSession>,
}

/// That there is a password, of which nothing but a hash is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct PasswordState {
    /// Which of their passwords it is, counted from 1.
    #[schema(example = 1)]
    pub version: u32,
    /// Since when it is theirs.
    pub since: DateTime<Utc>,
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct OpenedSession {
    /// The session.
    pub id: SessionId,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was last gone on with.
    pub used_at: DateTime<Utc>,
}

/// Asks for what proves an API key, for the gateway only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetApiKey {
    /// Which.
    pub id: ApiKeyId,
}

/// What proves an API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyProof {
    /// The hash of its secret.
    pub secret_hash: SecretHash,
    /// What it may be.
    pub roles: Roles,
}
