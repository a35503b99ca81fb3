//! Who may do what with users. A stranger is not there, so nobody learns which ids there are.

use contracts::ids::UserId;
use contracts::{Actor, Case, Problem};

use super::not_found;

/// Everybody manages themselves, admins anybody.
///
/// # Errors
/// `NotFound`, also for a stranger.
pub fn may_manage(actor: &Actor, user: UserId) -> Result<(), Problem> {
    if actor.is_admin() || actor.is(user) { Ok(()) } else { Err(not_found(user)) }
}

/// Some things are for admins.
///
/// # Errors
/// `Unauthenticated`, `Forbidden`.
pub fn check_admin(actor: &Actor) -> Result<(), Problem> {
    match actor {
        actor if actor.is_admin() => Ok(()),
        Actor::Anonymous => Err(Problem::new(Case::Unauthenticated, "this is for admins")),
        _ => Err(Problem::new(Case::Forbidden, "this is for admins")),
    }
}
