//! What users say of themselves.

use contracts::access::SessionEnd;
use contracts::ids::{CommandId, UserId, derive_id};
use contracts::text::Email;
use contracts::users::{DeleteUser, RegisterUser, UpdateUser, UserChanged};
use contracts::{Case, Problem};
use runtime::domain::{Context, Decision};

use super::access::end_sessions;
use super::{Decided, Users};
use crate::claims;
use crate::domain::{self, FIRST_PASSWORD, State, User, may_manage, not_found};
use crate::private::PrivateRow;

pub(super) fn register(command: &RegisterUser, context: &Context<'_, Users>) -> Decided {
    let id = new_id(command, context.command_id);
    let RegisterUser { details, password_hash, .. } = command;
    if *context.state(id) != State::Unused {
        return Err(Problem::new(Case::AlreadyExists, format!("{id} is in use already")));
    }
    if password_hash.is_none() && !context.actor.is_admin() {
        return Err(Problem::invalid("password", "who signs up needs a password"));
    }
    let event = domain::register(id, holder(&details.email, context))?;
    let decision = Decision::answer(&UserChanged { id, version: 1 })?
        .event(id, event)
        .take(claims::email(&details.email), id)
        .private(PrivateRow::Profile(id, details.clone()));
    Ok(match password_hash {
        Some(hash) => decision.private(PrivateRow::Password(id, hash.clone(), FIRST_PASSWORD)),
        None => decision,
    })
}

pub(super) fn update(command: &UpdateUser, context: &Context<'_, Users>) -> Decided {
    let UpdateUser { id, details } = command;
    let user = managed(*id, context)?;
    let event = user.update(command, context.if_version, holder(&details.email, context))?;
    // The old address is not known here, where no personal data is: whatever the user holds goes back.
    Ok(Decision::answer(&user.changed(*id))?
        .event(*id, event)
        .release_all(claims::EMAIL, *id)
        .take(claims::email(&details.email), *id)
        .private(PrivateRow::Profile(*id, details.clone())))
}

pub(super) fn delete(command: &DeleteUser, context: &Context<'_, Users>) -> Decided {
    let id = command.id;
    let user = managed(id, context)?;
    let event = user.delete(id, context.if_version)?;
    let decision = Decision::answer(&user.changed(id))?
        .event(id, event)
        .release_all(claims::EMAIL, id)
        .private(PrivateRow::Erased(id));
    Ok(end_sessions(decision, id, SessionEnd::UserDeleted, None, context))
}

/// The user, if the actor may manage them.
pub(super) fn managed<'a>(id: UserId, context: &Context<'a, Users>) -> Result<&'a User, Problem> {
    may_manage(context.actor, id)?;
    context.state(id).user().ok_or_else(|| not_found(id))
}

/// The id that the caller gave the user, or the one that follows from the command's.
pub(super) fn new_id(command: &RegisterUser, id: CommandId) -> UserId {
    command.id.unwrap_or_else(|| derive_id(id.0, "user").into())
}

/// The user who has this address.
fn holder(email: &Email, context: &Context<'_, Users>) -> Option<UserId> {
    context.holder(&claims::email(email)).map(UserId)
}
