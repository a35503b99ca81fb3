//! Checks that several decisions share.

use std::fmt::Display;

use contracts::halls::HallName;
use contracts::ids::HallId;
use contracts::{Actor, Case, FieldError, Problem};

/// What is shown, where and when is decided by staff.
///
/// # Errors
/// `Unauthenticated`, `Forbidden`.
pub fn check_staff(actor: &Actor) -> Result<(), Problem> {
    match actor {
        actor if actor.is_staff() => Ok(()),
        Actor::Anonymous => Err(Problem::new(Case::Unauthenticated, "only staff decide what is shown")),
        _ => Err(Problem::new(Case::Forbidden, "only staff decide what is shown")),
    }
}

/// There is no such thing; `what` names it with its id.
pub fn not_found(what: impl Display) -> Problem {
    Problem::new(Case::NotFound, format!("there is no {what}"))
}

/// Refuses to change what the caller has not seen in its present form. `what` names it with its id.
pub(super) fn version_seen(what: impl Display, version: u32, if_version: Option<u32>) -> Result<(), Problem> {
    match if_version {
        Some(seen) if seen != version => {
            Err(Problem::new(Case::VersionMismatch, format!("{what} has version {version}, not {seen}")))
        }
        _ => Ok(()),
    }
}

/// Refuses a name that another hall has. `holder` is the hall that has it.
pub(super) fn name_is_free(id: HallId, name: &HallName, holder: Option<HallId>) -> Result<(), Problem> {
    if holder.is_none_or(|holder| holder == id) {
        return Ok(());
    }
    let message = format!("another hall is named {name}");
    let error = FieldError::new("name", "taken", message.as_str());
    Err(Problem::new(Case::HallNameTaken, message).with_errors(vec![error]))
}
