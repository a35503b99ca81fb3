//! What users may be, and what proves who they are: passwords, sessions, API keys.

use contracts::access::{
    AddApiKey, ApiKeyAdded, ApiKeyChanged, ChangePassword, CloseSession, OpenSession, RefreshSession, RevokeApiKey,
    SessionClosed, SessionEnd, SessionOpened, SessionState, SetRoles,
};
use contracts::ids::{ApiKeyId, CommandId, SessionId, UserId, derive_id};
use contracts::{Case, Problem};
use runtime::domain::{Context, Decision};

use super::profile::managed;
use super::{Decided, Users};
use crate::claims;
use crate::domain::{Refresh, Session, State, check_admin, not_found, outdated};
use crate::private::{KeyRow, PrivateRow};

pub(super) fn change_password(command: &ChangePassword, context: &Context<'_, Users>) -> Decided {
    let id = command.id;
    let user = managed(id, context)?;
    let event = user.change_password(id, context.if_version)?;
    let hash = command.password_hash.clone();
    let decision = Decision::answer(&user.changed(id))?.event(id, event).private(PrivateRow::Password(
        id,
        hash,
        user.password_version() + 1,
    ));
    Ok(end_sessions(decision, id, SessionEnd::PasswordChanged, command.session_id, context))
}

/// Sessions end with it, so that what was given out for the old roles is not gone on with.
pub(super) fn set_roles(command: &SetRoles, context: &Context<'_, Users>) -> Decided {
    let id = command.id;
    check_admin(context.actor)?;
    let user = context.state(id).user().ok_or_else(|| not_found(id))?;
    let event = user.set_roles(command, context.actor, context.if_version)?;
    let decision = Decision::answer(&user.changed(id))?.event(id, event);
    Ok(end_sessions(decision, id, SessionEnd::RolesChanged, None, context))
}

pub(super) fn open_session(command: &OpenSession, context: &Context<'_, Users>) -> Decided {
    let (user_id, id) = (command.user_id, new_session(command, context.command_id));
    let user = managed(user_id, context)?;
    if *context.state(id) != State::Unused {
        return Err(Problem::new(Case::AlreadyExists, format!("{id} is in use already")));
    }
    if command.password_version != user.password_version() {
        return Err(Problem::new(Case::WrongCredentials, "the password was changed meanwhile"));
    }
    let roles = user.roles().clone();
    let mut decision = Decision::answer(&SessionState { id, user_id, roles, generation: Some(1) })?;
    for ended in outdated(&sessions(user_id, context), context.now) {
        decision = end_session(decision, ended);
    }
    Ok(decision
        .event(id, SessionOpened { session_id: id, user_id })
        .take(claims::session(id), user_id)
        .take(claims::user_session(user_id, id), id))
}

pub(super) fn refresh_session(command: &RefreshSession, context: &Context<'_, Users>) -> Decided {
    let id = command.id;
    let ended = || Problem::new(Case::Unauthenticated, "the session has ended");
    let session = context.state(id).session().ok_or_else(ended)?;
    let user_id = session.user_id();
    let user = managed(user_id, context).map_err(|_| ended())?;
    let state = |generation| SessionState { id, user_id, roles: user.roles().clone(), generation };
    Ok(match session.refresh(id, command.generation, context.now)? {
        Refresh::GoesOn(event) => Decision::answer(&state(Some(event.generation)))?.event(id, event),
        Refresh::Ends(event) => end_session(Decision::answer(&state(None))?, event),
    })
}

pub(super) fn close_session(command: &CloseSession, context: &Context<'_, Users>) -> Decided {
    let id = command.id;
    let unknown = || Problem::new(Case::NotFound, format!("there is no session {id}"));
    let session = context.state(id).session().filter(|session| session.generation().is_some()).ok_or_else(unknown)?;
    let user_id = session.user_id();
    let user = managed(user_id, context).map_err(|_| unknown())?;
    let state = SessionState { id, user_id, roles: user.roles().clone(), generation: None };
    Ok(end_session(Decision::answer(&state)?, session.close(id, SessionEnd::SignedOut)))
}

pub(super) fn add_key(command: &AddApiKey, context: &Context<'_, Users>) -> Decided {
    let id = new_key(command, context.command_id);
    check_admin(context.actor)?;
    if *context.state(id) != State::Unused {
        return Err(Problem::new(Case::AlreadyExists, format!("{id} is in use already")));
    }
    let row = KeyRow::new(id, command, context.now);
    Ok(Decision::answer(&ApiKeyChanged { id })?
        .event(id, ApiKeyAdded { key_id: id, roles: command.roles.clone() })
        .private(PrivateRow::Key(row)))
}

pub(super) fn revoke_key(command: &RevokeApiKey, context: &Context<'_, Users>) -> Decided {
    let id = command.id;
    check_admin(context.actor)?;
    let unknown = || Problem::new(Case::NotFound, format!("there is no API key {id}"));
    let event = context.state(id).key().ok_or_else(unknown)?.revoke(id);
    Ok(Decision::answer(&ApiKeyChanged { id })?.event(id, event).private(PrivateRow::KeyRevoked(id)))
}

/// Ends all sessions of a user, but for one that is to go on.
pub(super) fn end_sessions(
    decision: Decision<Users>,
    user: UserId,
    reason: SessionEnd,
    but: Option<SessionId>,
    context: &Context<'_, Users>,
) -> Decision<Users> {
    let others = sessions(user, context).into_iter().filter(|(id, _)| Some(*id) != but);
    let mut ended: Vec<SessionClosed> = others.map(|(id, session)| session.close(id, reason)).collect();
    ended.sort_unstable_by_key(|event| event.session_id);
    ended.into_iter().fold(decision, end_session)
}

fn end_session(decision: Decision<Users>, event: SessionClosed) -> Decision<Users> {
    let (id, user) = (event.session_id, event.user_id);
    decision.event(id, event).release(claims::session(id)).release(claims::user_session(user, id))
}

/// A user's open sessions.
fn sessions(user: UserId, context: &Context<'_, Users>) -> Vec<(SessionId, Session)> {
    let prefix = claims::sessions_of(user);
    let held = context.holders(claims::USER_SESSION, &prefix);
    held.filter_map(|(id, state)| Some((SessionId(id), state.session()?.clone()))).collect()
}

/// The id that the caller gave the session, or the one that follows from the command's.
pub(super) fn new_session(command: &OpenSession, id: CommandId) -> SessionId {
    command.id.unwrap_or_else(|| derive_id(id.0, "session").into())
}

/// The id that the caller gave the key, or the one that follows from the command's.
pub(super) fn new_key(command: &AddApiKey, id: CommandId) -> ApiKeyId {
    command.id.unwrap_or_else(|| derive_id(id.0, "api-key").into())
}
