//! Transactions, and why one came to nothing.

use std::future::Future;

use chrono::{DateTime, SubsecRound, Utc};
use contracts::Problem;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use runtime::database::{StoreError, backoff};
use tokio::time::sleep;

/// How often a transaction is tried that met another one.
const TRIES: u32 = 5;

/// Why a transaction came to nothing.
pub(crate) enum Stop {
    /// The rules refused.
    Refused(Problem),
    /// The store failed.
    Failed(StoreError),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<DieselError> for Stop {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

/// Does it, and after a deadlock, a lock wait or a lost race for a unique key the whole of it again.
///
/// # Errors
/// The refusal, or what the last try failed with.
pub(crate) async fn retried<T, W>(work: impl Fn() -> W) -> Result<T, Problem>
where
    W: Future<Output = Result<T, Stop>>,
{
    let mut tried = 0;
    loop {
        tried += 1;
        match work().await {
            Ok(done) => return Ok(done),
            Err(Stop::Refused(problem)) => return Err(problem),
            Err(Stop::Failed(error)) if tried < TRIES && is_passing(&error) => sleep(backoff(tried)).await,
            Err(Stop::Failed(error)) => return Err(error.into()),
        }
    }
}

fn is_passing(error: &StoreError) -> bool {
    match error {
        StoreError::Away(_) => true,
        // Who has the key now will be found before the rules are asked.
        StoreError::Refused(error) => {
            matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
        }
        StoreError::Unreadable(_) => false,
    }
}

/// The time, as exactly as the tables keep it.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
