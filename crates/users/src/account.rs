//! How a user signs in, for whoever wants to know what is stored about them. Answered from committed state.

use contracts::Problem;
use contracts::access::{Account, GetAccount, OpenedSession, PasswordState};
use contracts::ids::SessionId;
use runtime::committed::Committed;

use crate::claims;
use crate::commands::{Users, with_sessions};
use crate::domain::not_found;
use crate::proofs::password_version;

/// Whether a user has a password, and their open sessions.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(crate) async fn account(committed: Committed<Users>, query: GetAccount) -> Result<Account, Problem> {
    let id = query.id;
    let version = password_version(committed.database(), id).await?;
    let mut reading = committed.read().await?;
    reading.load(with_sessions(id)).await?;
    let user = reading.state(id).user().ok_or_else(|| not_found(id))?;
    let prefix = claims::sessions_of(id);
    let held = reading.holders(claims::USER_SESSION, &prefix);
    let mut sessions: Vec<OpenedSession> = held
        .filter_map(|(id, state)| {
            let session = state.session()?;
            Some(OpenedSession { id: SessionId(id), opened_at: session.opened_at(), used_at: session.used_at() })
        })
        .collect();
    sessions.sort_unstable_by_key(|session| (session.opened_at, session.id));
    Ok(Account { password: version.map(|version| PasswordState { version, since: user.password_since() }), sessions })
}
