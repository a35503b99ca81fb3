//! The question of other services, answered from committed state.

use contracts::Problem;
use contracts::users::{CheckUsers, CheckedUsers};
use runtime::committed::Committed;
use runtime::domain::Needs;

use crate::commands::Users;

/// Which of these users may book.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn users(committed: Committed<Users>, query: CheckUsers) -> Result<CheckedUsers, Problem> {
    let mut reading = committed.hold().await?;
    let needs = query.users.iter().fold(Needs::default(), |needs, id| needs.and_stream(*id));
    reading.load(needs).await?;
    let may_book = query.users.into_iter().filter(|id| reading.state(*id).user().is_some()).collect();
    Ok(CheckedUsers { may_book, as_of: Some(reading.as_of()) })
}
