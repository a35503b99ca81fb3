//! How a command is decided: what has to be loaded for it, what the rules say, and what is claimed and written then.

use contracts::Problem;
use contracts::ids::{CommandId, UserId, derive_id};
use contracts::text::Email;
use contracts::users::{DeleteUser, RegisterUser, UpdateUser, UserCommand, UserEvent};
use runtime::database::{Connection, StoreError};
use runtime::domain::{Around, Context, Decision, Domain, Needs, Recorded};

use crate::claims;
use crate::domain::User;
use crate::profiles::{self, ProfileChange};

/// The service's decisions.
pub struct Users;

type Decided = Result<Decision<Users>, Problem>;

impl Domain for Users {
    type Command = UserCommand;
    type Event = UserEvent;
    type State = User;
    type Facts = ();
    type PrivateRow = ProfileChange;

    fn needs(command: &UserCommand, id: CommandId) -> Needs {
        match command {
            UserCommand::Register(command) => {
                Needs::stream(new_id(command, id)).and_holder(claims::email(&command.details.email))
            }
            UserCommand::Update(command) => Needs::stream(command.id).and_holder(claims::email(&command.details.email)),
            UserCommand::Delete(command) => Needs::stream(command.id),
        }
    }

    /// Nothing that others know matters here.
    async fn gather(_: &Around, commands: &[&UserCommand]) -> Vec<Result<(), Problem>> {
        commands.iter().map(|_| Ok(())).collect()
    }

    fn decide(command: &UserCommand, context: &Context<'_, Self>) -> Decided {
        match command {
            UserCommand::Register(command) => register(command, context),
            UserCommand::Update(command) => update(command, context),
            UserCommand::Delete(command) => delete(command, context),
        }
    }

    fn apply(state: &mut User, event: &Recorded<UserEvent>) {
        state.apply(&event.event);
    }

    async fn write_private(connection: &mut Connection, rows: &[ProfileChange]) -> Result<(), StoreError> {
        profiles::write(connection, rows).await
    }
}

fn register(command: &RegisterUser, context: &Context<'_, Users>) -> Decided {
    let id = new_id(command, context.command_id);
    let details = &command.details;
    let user = context.state(id);
    let event = user.register(id, holder(&details.email, context))?;
    Ok(Decision::answer(&user.changed(id))?
        .event(id, event)
        .take(claims::email(&details.email), id)
        .private(ProfileChange::Keep(id, details.clone())))
}

fn update(command: &UpdateUser, context: &Context<'_, Users>) -> Decided {
    let UpdateUser { id, details } = command;
    let user = context.state(*id);
    let event = user.update(command, context.if_version, holder(&details.email, context))?;
    // The old address is not known here, where no personal data is: whatever the user holds goes back.
    Ok(Decision::answer(&user.changed(*id))?
        .event(*id, event)
        .release_all(claims::EMAIL, *id)
        .take(claims::email(&details.email), *id)
        .private(ProfileChange::Keep(*id, details.clone())))
}

fn delete(command: &DeleteUser, context: &Context<'_, Users>) -> Decided {
    let id = command.id;
    let user = context.state(id);
    let event = user.delete(id, context.if_version)?;
    Ok(Decision::answer(&user.changed(id))?
        .event(id, event)
        .release_all(claims::EMAIL, id)
        .private(ProfileChange::Erase(id)))
}

/// The id that the caller gave the user, or the one that follows from the command's.
fn new_id(command: &RegisterUser, id: CommandId) -> UserId {
    command.id.unwrap_or_else(|| derive_id(id.0, "user").into())
}

/// The user who has this address.
fn holder(email: &Email, context: &Context<'_, Users>) -> Option<UserId> {
    context.holder(&claims::email(email)).map(UserId)
}
