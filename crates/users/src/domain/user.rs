//! One user, as far as events tell.
//!
//! Events carry no personal data, so nothing here knows a name or an address. That an e-mail address belongs to one
//! user only is decided from who holds the claim to it.

use chrono::{DateTime, Utc};
use contracts::access::{PasswordChanged, RolesChanged, SetRoles};
use contracts::ids::UserId;
use contracts::users::{UpdateUser, UserChanged, UserDeleted, UserEvent, UserRegistered, UserUpdated};
use contracts::{Actor, Case, FieldError, Problem, Role, Roles};

/// Which password somebody has who has never changed it.
pub const FIRST_PASSWORD: u32 = 1;

/// A user, erased or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Counts the events.
    version: u32,
    roles: Roles,
    /// Counts the passwords.
    password_version: u32,
    password_since: DateTime<Utc>,
    deleted: bool,
}

/// What is there.
impl User {
    /// One who was registered at `at`: a customer.
    pub fn registered(at: DateTime<Utc>) -> Self {
        Self {
            version: 1,
            roles: Roles::only(Role::Customer),
            password_version: FIRST_PASSWORD,
            password_since: at,
            deleted: false,
        }
    }

    /// One with these roles at this version, of whose passwords nothing is known.
    pub fn of(version: u32, roles: Roles, since: DateTime<Utc>) -> Self {
        Self { version, roles, ..Self::registered(since) }
    }

    /// True for a user who was erased.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// What they may be.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Which password they have, counted from 1.
    pub fn password_version(&self) -> u32 {
        self.password_version
    }

    /// Since when they have it.
    pub fn password_since(&self) -> DateTime<Utc> {
        self.password_since
    }

    /// The answer to a command that has just been accepted: the one event it leaves is the next version.
    pub fn changed(&self, id: UserId) -> UserChanged {
        UserChanged { id, version: self.version + 1 }
    }
}

/// Adds a user. An id is never used again, not even a deleted user's, and an address belongs to one user: `holder`.
///
/// # Errors
/// `EmailTaken`.
pub fn register(id: UserId, holder: Option<UserId>) -> Result<UserRegistered, Problem> {
    check_email(id, holder)?;
    Ok(UserRegistered { user_id: id })
}

/// What is decided. `holder` is the user who holds the command's e-mail address.
impl User {
    /// Replaces what is known of a user.
    ///
    /// # Errors
    /// `VersionMismatch`, `EmailTaken`.
    pub fn update(
        &self,
        command: &UpdateUser,
        if_version: Option<u32>,
        holder: Option<UserId>,
    ) -> Result<UserUpdated, Problem> {
        self.check_version(command.id, if_version)?;
        check_email(command.id, holder)?;
        Ok(UserUpdated { user_id: command.id })
    }

    /// Gives the user another password.
    ///
    /// # Errors
    /// `VersionMismatch`.
    pub fn change_password(&self, id: UserId, if_version: Option<u32>) -> Result<PasswordChanged, Problem> {
        self.check_version(id, if_version)?;
        Ok(PasswordChanged { user_id: id })
    }

    /// Gives the user other roles. Nobody does that for themselves, so that nobody locks everybody out by a slip.
    ///
    /// # Errors
    /// `Forbidden`, `VersionMismatch`.
    pub fn set_roles(
        &self,
        command: &SetRoles,
        actor: &Actor,
        if_version: Option<u32>,
    ) -> Result<RolesChanged, Problem> {
        if actor.is(command.id) {
            return Err(Problem::new(Case::Forbidden, "nobody sets their own roles"));
        }
        self.check_version(command.id, if_version)?;
        Ok(RolesChanged { user_id: command.id, roles: command.roles.clone() })
    }

    /// Erases a user.
    ///
    /// # Errors
    /// `VersionMismatch`.
    pub fn delete(&self, id: UserId, if_version: Option<u32>) -> Result<UserDeleted, Problem> {
        self.check_version(id, if_version)?;
        Ok(UserDeleted { user_id: id })
    }

    fn check_version(&self, id: UserId, if_version: Option<u32>) -> Result<(), Problem> {
        match if_version {
            Some(seen) if seen != self.version => {
                let detail = format!("user {id} has version {}, not {seen}", self.version);
                Err(Problem::new(Case::VersionMismatch, detail))
            }
            _ => Ok(()),
        }
    }
}

/// What has happened.
impl User {
    /// Takes in an event that happened at `at`.
    pub fn apply(&mut self, event: &UserEvent, at: DateTime<Utc>) {
        self.version += 1;
        match event {
            UserEvent::Deleted(_) => self.deleted = true,
            UserEvent::PasswordChanged(_) => {
                self.password_version += 1;
                self.password_since = at;
            }
            UserEvent::RolesChanged(event) => self.roles = event.roles.clone(),
            _ => {}
        }
    }
}

/// There is no such user.
pub fn not_found(id: UserId) -> Problem {
    Problem::new(Case::NotFound, format!("there is no user {id}"))
}

fn check_email(id: UserId, holder: Option<UserId>) -> Result<(), Problem> {
    if holder.is_none_or(|holder| holder == id) {
        return Ok(());
    }
    let message = "the e-mail address belongs to another user";
    Err(Problem::new(Case::EmailTaken, message).with_errors(vec![FieldError::new("email", "taken", message)]))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contracts::users::UserDetails;
    use uuid::Uuid;

    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    /// So many days after they were registered.
    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn given<const N: usize>(events: [UserEvent; N]) -> User {
        let mut user = User::registered(DateTime::UNIX_EPOCH);
        for (day, event) in (1..).zip(&events) {
            user.apply(event, at(day));
        }
        user
    }

    fn update() -> UpdateUser {
        let details = UserDetails {
            username: "ada".to_owned().try_into().unwrap(),
            email: "ada@example.com".to_owned().try_into().unwrap(),
            full_name: "Ada Lovelace".to_owned().try_into().unwrap(),
        };
        UpdateUser { id: ADA, details }
    }

    #[track_caller]
    fn assert_refused<T: std::fmt::Debug>(result: Result<T, Problem>, case: Case) {
        let problem = result.unwrap_err();
        assert!(problem.is(case), "{problem:?}");
    }

    #[test]
    fn an_e_mail_address_belongs_to_one_user() {
        assert_eq!(register(ADA, None), Ok(UserRegistered { user_id: ADA }));
        assert_refused(register(ADA, Some(BOB)), Case::EmailTaken);
        let problem = given([]).update(&update(), None, Some(BOB)).unwrap_err();
        assert!(problem.is(Case::EmailTaken));
        assert_eq!(problem.errors[0].field, "email");
    }

    #[test]
    fn a_user_may_keep_or_change_their_address() {
        let user = given([]);
        for holder in [Some(ADA), None] {
            assert_eq!(user.update(&update(), None, holder), Ok(UserUpdated { user_id: ADA }));
        }
        assert_eq!(user.changed(ADA).version, 2);
    }

    #[test]
    fn what_the_caller_has_not_seen_is_not_changed() {
        let user = given([UserUpdated { user_id: ADA }.into()]);
        assert_refused(user.update(&update(), Some(1), None), Case::VersionMismatch);
        assert_refused(user.delete(ADA, Some(3)), Case::VersionMismatch);
        assert_refused(user.change_password(ADA, Some(1)), Case::VersionMismatch);
        assert!(user.update(&update(), Some(2), None).is_ok());
        assert!(user.delete(ADA, Some(2)).is_ok());
    }

    #[test]
    fn nobody_sets_their_own_roles() {
        let (admins, command) = (Roles::only(Role::Admin), SetRoles { id: ADA, roles: Roles::only(Role::Staff) });
        let (ada, bob) = (Actor::User(ADA, admins.clone()), Actor::User(BOB, admins));
        assert_refused(given([]).set_roles(&command, &ada, None), Case::Forbidden);
        let changed = given([]).set_roles(&command, &bob, None).unwrap();
        assert_eq!(given([changed.into()]).roles(), &command.roles);
    }

    #[test]
    fn passwords_are_counted() {
        let user = given([]);
        let changed = user.change_password(ADA, None).unwrap();
        let changed = given([UserUpdated { user_id: ADA }.into(), changed.into(), UserUpdated { user_id: ADA }.into()]);
        assert_eq!((user.password_version(), user.password_since()), (1, at(0)));
        assert_eq!((changed.password_version(), changed.password_since()), (2, at(2)));
    }
}
