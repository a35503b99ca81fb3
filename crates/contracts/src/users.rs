//! What the users service is asked, what it tells and what it answers.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{
    Account, AddApiKey, ApiKey, ApiKeyAdded, ApiKeyChanged, ApiKeyProof, ApiKeyRevoked, ChangePassword, CloseSession,
    Credentials, GetAccount, GetApiKey, GetCredentials, ListApiKeys, OpenSession, PasswordChanged, PasswordHash,
    RefreshSession, RevokeApiKey, RolesChanged, SessionClosed, SessionOpened, SessionRefreshed, SessionState, SetRoles,
};
use crate::actor::Roles;
use crate::as_of::AsOf;
use crate::ids::UserId;
use crate::lists::{commands, events, queries};
use crate::page::{Limit, Page};
use crate::text::{Email, Text};

/// A username has at most this many characters.
pub type Username = Text<50>;
/// A full name has at most this many characters.
pub type FullName = Text<100>;

/// What a user says of themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserDetails {
    /// 1 to 50 characters.
    #[schema(value_type = String, example = "ada", min_length = 1, max_length = 50)]
    pub username: Username,
    /// Unique among users, without regard to case.
    #[schema(value_type = String, example = "ada@example.com", format = "email")]
    pub email: Email,
    /// 1 to 100 characters.
    #[schema(value_type = String, example = "Ada Lovelace", min_length = 1, max_length = 100)]
    pub full_name: FullName,
}

/// Adds a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterUser {
    /// The new user's id; without one it follows from the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<UserId>,
    /// What is known of them.
    #[serde(flatten)]
    pub details: UserDetails,
    /// Their password's hash; without one they can't sign in, which only an admin can arrange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<PasswordHash>,
}

/// Replaces what is known of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// Whom.
    pub id: UserId,
    /// What is known of them from now on.
    #[serde(flatten)]
    pub details: UserDetails,
}

/// Erases a user; their bookings of showtimes to come are cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {
    /// Whom.
    pub id: UserId,
}

/// The answer to a command about a user. It bears no personal data, since outcomes are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserChanged {
    /// Whom.
    pub id: UserId,
    /// The version from now on.
    pub version: u32,
}

commands! {
    /// Everything that can be asked of the users service.
    UserCommand of Users {
        /// Adds a user.
        "register" => Register(RegisterUser) -> UserChanged,
        /// Replaces a user's username, e-mail address and full name.
        "update" => Update(UpdateUser) -> UserChanged,
        /// Erases a user and cancels their bookings of showtimes to come.
        "delete" => Delete(DeleteUser) -> UserChanged,
        /// Gives a user another password, and ends their other sessions.
        "change-password" => ChangePassword(ChangePassword) -> UserChanged,
        /// Gives a user these roles, instead of those they have.
        "set-roles" => SetRoles(SetRoles) -> UserChanged,
        /// Opens a session for a user whose password was right.
        "open-session" => OpenSession(OpenSession) -> SessionState,
        /// Goes on with a session, or ends it when its token was used before.
        "refresh-session" => RefreshSession(RefreshSession) -> SessionState,
        /// Ends a session.
        "close-session" => CloseSession(CloseSession) -> SessionState,
        /// Makes an API key for a program.
        "add-api-key" => AddApiKey(AddApiKey) -> ApiKeyChanged,
        /// Takes an API key back.
        "revoke-api-key" => RevokeApiKey(RevokeApiKey) -> ApiKeyChanged,
    }
}

/// A user was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// Whom.
    pub user_id: UserId,
}

/// What is known of a user changed; what it is, only the users service knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserUpdated {
    /// Whom.
    pub user_id: UserId,
}

/// A user was erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeleted {
    /// Whom.
    pub user_id: UserId,
}

events! {
    /// Everything that happens in the users service. Events carry no personal data.
    UserEvent of Users {
        /// A user was added.
        "user-registered.v1" => Registered(UserRegistered) about user_id,
        /// What a user says of themselves changed.
        "user-updated.v1" => Updated(UserUpdated) about user_id,
        /// A user was erased.
        "user-deleted.v1" => Deleted(UserDeleted) about user_id,
        /// A user got another password.
        "user-password-changed.v1" => PasswordChanged(PasswordChanged) about user_id,
        /// A user may be something else from now on.
        "user-roles-changed.v1" => RolesChanged(RolesChanged) about user_id,
        /// A user signed in.
        "session-opened.v1" => SessionOpened(SessionOpened) about session_id,
        /// A session goes on.
        "session-refreshed.v1" => SessionRefreshed(SessionRefreshed) about session_id,
        /// A session ended.
        "session-closed.v1" => SessionClosed(SessionClosed) about session_id,
        /// An API key was made.
        "api-key-added.v1" => ApiKeyAdded(ApiKeyAdded) about key_id,
        /// An API key was taken back.
        "api-key-revoked.v1" => ApiKeyRevoked(ApiKeyRevoked) about key_id,
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct User {
    /// The user.
    pub id: UserId,
    /// Grows with every change.
    #[schema(example = 1)]
    pub version: u32,
    /// What is known of them.
    #[serde(flatten)]
    pub details: UserDetails,
    /// What they may be.
    #[schema(value_type = Vec<crate::actor::Role>)]
    pub roles: Roles,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
}

/// Asks for one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetUser {
    /// Whom.
    pub id: UserId,
}

/// Asks for users, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {
    /// Only the one with this e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A user as others name them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct UserRef {
    /// The user.
    pub id: UserId,
    /// Their username.
    #[schema(value_type = String, example = "ada")]
    pub username: Username,
    /// Their full name.
    #[schema(value_type = String, example = "Ada Lovelace")]
    pub full_name: FullName,
}

/// Asks for users' names, for whoever shows what belongs to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetNames {
    /// Whose.
    pub users: Vec<UserId>,
}

/// The names of those who exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Names {
    /// In no particular order.
    pub users: Vec<UserRef>,
}

/// Asks which of these users may book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckUsers {
    /// Whom.
    pub users: Vec<UserId>,
}

/// Those who may book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedUsers {
    /// Whom, of those asked for.
    pub may_book: Vec<UserId>,
    /// When that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
}

queries! { queries of Users Query {
    /// One user.
    "user" => GetUser, User;
    /// Users, oldest first.
    "users" => ListUsers, Page<User>;
    /// Users' names, for whoever shows what belongs to them.
    "names" => GetNames, Names;
    /// API keys, oldest first.
    "api-keys" => ListApiKeys, Page<ApiKey>;
}}

queries! { rpc_methods of Users Rpc {
    /// Which of these users may book, from committed state.
    "check" => CheckUsers, CheckedUsers;
    /// What proves a user's password, for the gateway only.
    "credentials" => GetCredentials, Credentials;
    /// How a user signs in, for the gateway only.
    "account" => GetAccount, Account;
    /// What proves an API key, for the gateway only.
    "api-key" => GetApiKey, ApiKeyProof;
}}
