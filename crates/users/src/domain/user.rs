//! One user, as far as events tell.
//!
//! Events carry no personal data, so nothing here knows a name or an address. That an e-mail address belongs to one
//! user only is decided from who holds the claim to it.

use contracts::ids::UserId;
use contracts::users::{UpdateUser, UserChanged, UserDeleted, UserEvent, UserRegistered, UserUpdated};
use contracts::{Case, FieldError, Problem};

/// A user. The default is one that was never registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Counts the events; 0 before the first.
    version: u32,
    deleted: bool,
}

/// What is there.
impl User {
    /// True for a user that exists and was not deleted.
    pub fn may_book(&self) -> bool {
        self.version > 0 && !self.deleted
    }

    /// The answer to a command that has just been accepted: the one event it leaves is the next version.
    pub fn changed(&self, id: UserId) -> UserChanged {
        UserChanged { id, version: self.version + 1 }
    }
}

/// What is decided. `holder` is the user who holds the command's e-mail address.
impl User {
    /// Adds a user. An id is never used again, not even a deleted user's.
    ///
    /// # Errors
    /// `AlreadyExists`, `EmailTaken`.
    pub fn register(&self, id: UserId, holder: Option<UserId>) -> Result<UserRegistered, Problem> {
        if self.version > 0 {
            return Err(Problem::new(Case::AlreadyExists, format!("user {id} exists already")));
        }
        check_email(id, holder)?;
        Ok(UserRegistered { user_id: id })
    }

    /// Replaces what is known of a user.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `EmailTaken`.
    pub fn update(
        &self,
        command: &UpdateUser,
        if_version: Option<u32>,
        holder: Option<UserId>,
    ) -> Result<UserUpdated, Problem> {
        self.check_present(command.id, if_version)?;
        check_email(command.id, holder)?;
        Ok(UserUpdated { user_id: command.id })
    }

    /// Erases a user.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`.
    pub fn delete(&self, id: UserId, if_version: Option<u32>) -> Result<UserDeleted, Problem> {
        self.check_present(id, if_version)?;
        Ok(UserDeleted { user_id: id })
    }

    fn check_present(&self, id: UserId, if_version: Option<u32>) -> Result<(), Problem> {
        if !self.may_book() {
            return Err(Problem::new(Case::NotFound, format!("there is no user {id}")));
        }
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
    /// Takes in an event.
    pub fn apply(&mut self, event: &UserEvent) {
        self.version += 1;
        self.deleted = matches!(event, UserEvent::Deleted(_));
    }
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
    use contracts::users::UserDetails;
    use uuid::Uuid;

    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn registered() -> UserEvent {
        UserRegistered { user_id: ADA }.into()
    }

    fn updated() -> UserEvent {
        UserUpdated { user_id: ADA }.into()
    }

    fn deleted() -> UserEvent {
        UserDeleted { user_id: ADA }.into()
    }

    fn given<const N: usize>(events: [UserEvent; N]) -> User {
        let mut user = User::default();
        events.iter().for_each(|event| user.apply(event));
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
    fn a_new_user_may_book() {
        assert!(!given([]).may_book());
        assert_eq!(given([]).register(ADA, None), Ok(UserRegistered { user_id: ADA }));
        assert_eq!(given([]).changed(ADA), UserChanged { id: ADA, version: 1 });
        assert!(given([registered()]).may_book());
    }

    #[test]
    fn an_id_is_used_once() {
        assert_refused(given([registered()]).register(ADA, Some(ADA)), Case::AlreadyExists);
        assert_refused(given([registered(), deleted()]).register(ADA, None), Case::AlreadyExists);
    }

    #[test]
    fn an_e_mail_address_belongs_to_one_user() {
        assert_refused(given([]).register(ADA, Some(BOB)), Case::EmailTaken);
        let problem = given([registered()]).update(&update(), None, Some(BOB)).unwrap_err();
        assert!(problem.is(Case::EmailTaken));
        assert_eq!(problem.errors[0].field, "email");
    }

    #[test]
    fn a_user_may_keep_or_change_their_address() {
        let user = given([registered()]);
        for holder in [Some(ADA), None] {
            assert_eq!(user.update(&update(), None, holder), Ok(UserUpdated { user_id: ADA }));
        }
        assert_eq!(user.changed(ADA).version, 2);
    }

    #[test]
    fn what_the_caller_has_not_seen_is_not_changed() {
        let user = given([registered(), updated()]);
        assert_refused(user.update(&update(), Some(1), None), Case::VersionMismatch);
        assert_refused(user.delete(ADA, Some(3)), Case::VersionMismatch);
        assert!(user.update(&update(), Some(2), None).is_ok());
        assert!(user.delete(ADA, Some(2)).is_ok());
    }

    #[test]
    fn who_is_not_there_is_neither_changed_nor_deleted() {
        for user in [given([]), given([registered(), deleted()])] {
            assert!(!user.may_book());
            assert_refused(user.update(&update(), None, None), Case::NotFound);
            assert_refused(user.delete(ADA, Some(1)), Case::NotFound);
        }
    }
}
