//! How a command is decided: what has to be loaded for it, what the rules say, and what is claimed and written then.

mod access;
mod profile;

use std::sync::{Arc, Mutex};

use contracts::Problem;
use contracts::ids::{CommandId, SessionId, UserId};
use contracts::users::{UserCommand, UserEvent};
use runtime::database::{Connection, StoreError};
use runtime::domain::{Around, Context, Decision, Domain, Needs, Recorded};

use crate::claims;
use crate::domain::State;
use crate::private::{self, PrivateRow};

/// The service's decisions.
pub struct Users;

type Decided = Result<Decision<Users>, Problem>;

impl Domain for Users {
    type Command = UserCommand;
    type Event = UserEvent;
    type State = State;
    type Facts = ();
    type Memory = ();
    type PrivateRow = PrivateRow;

    fn needs(command: &UserCommand, id: CommandId) -> Needs {
        match command {
            UserCommand::Register(command) => {
                Needs::stream(profile::new_id(command, id)).and_holder(claims::email(&command.details.email))
            }
            UserCommand::Update(command) => Needs::stream(command.id).and_holder(claims::email(&command.details.email)),
            UserCommand::Delete(command) => with_sessions(command.id),
            UserCommand::ChangePassword(command) => with_sessions(command.id),
            UserCommand::SetRoles(command) => with_sessions(command.id),
            UserCommand::OpenSession(command) => {
                with_sessions(command.user_id).and_stream(access::new_session(command, id))
            }
            UserCommand::RefreshSession(command) => session_and_user(command.id),
            UserCommand::CloseSession(command) => session_and_user(command.id),
            UserCommand::AddApiKey(command) => Needs::stream(access::new_key(command, id)),
            UserCommand::RevokeApiKey(command) => Needs::stream(command.id),
        }
    }

    /// Nothing that others know matters here.
    async fn gather(_: &Around, _: &Arc<Mutex<()>>, commands: &[&UserCommand]) -> Vec<Result<(), Problem>> {
        commands.iter().map(|_| Ok(())).collect()
    }

    fn decide(command: &UserCommand, context: &Context<'_, Self>) -> Decided {
        match command {
            UserCommand::Register(command) => profile::register(command, context),
            UserCommand::Update(command) => profile::update(command, context),
            UserCommand::Delete(command) => profile::delete(command, context),
            UserCommand::ChangePassword(command) => access::change_password(command, context),
            UserCommand::SetRoles(command) => access::set_roles(command, context),
            UserCommand::OpenSession(command) => access::open_session(command, context),
            UserCommand::RefreshSession(command) => access::refresh_session(command, context),
            UserCommand::CloseSession(command) => access::close_session(command, context),
            UserCommand::AddApiKey(command) => access::add_key(command, context),
            UserCommand::RevokeApiKey(command) => access::revoke_key(command, context),
        }
    }

    fn apply(state: &mut State, event: &Recorded<UserEvent>) {
        state.apply(&event.event, event.recorded_at);
    }

    async fn write_private(connection: &mut Connection, rows: &[PrivateRow]) -> Result<(), StoreError> {
        private::write(connection, rows).await
    }
}

/// A user and all their open sessions.
pub(crate) fn with_sessions(user: UserId) -> Needs {
    Needs::stream(user).and_prefix(claims::USER_SESSION, claims::sessions_of(user))
}

/// A session and whose it is.
fn session_and_user(session: SessionId) -> Needs {
    Needs::stream(session).and_holder(claims::session(session))
}
