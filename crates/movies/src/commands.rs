//! How a command is decided: what has to be loaded for it, what the rules say, and the claims that back it.

mod showtimes;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use contracts::Problem;
use contracts::halls::{AddHall, HallName, RemoveHall, UpdateHall};
use contracts::ids::{CommandId, HallId, MovieId, ShowtimeId, derive_id};
use contracts::message::Removed;
use contracts::movies::{AddMovie, MovieCommand, MovieEvent, RemoveMovie, UpdateMovie};
use contracts::showtimes::ScheduleShowtime;
use runtime::database::{Connection, StoreError};
use runtime::domain::{Around, Context, Decision, Domain, Needs, Recorded};

use crate::claims;
use crate::domain::{Hall, Movie, State, check_staff, not_found};

/// The service's decisions.
pub struct Movies;

type Decided = Result<Decision<Movies>, Problem>;

impl Domain for Movies {
    type Command = MovieCommand;
    type Event = MovieEvent;
    type State = State;
    type Facts = ();
    type Memory = ();
    type PrivateRow = Infallible;

    fn needs(command: &MovieCommand, id: CommandId) -> Needs {
        match command {
            MovieCommand::Add(command) => Needs::stream(new_movie(command, id)),
            MovieCommand::Update(command) => Needs::stream(command.id),
            MovieCommand::Remove(command) => Needs::stream(command.id).and_all(claims::HALL_NAME),
            MovieCommand::AddHall(command) => {
                Needs::stream(new_hall(command, id)).and_holder(claims::hall_name(&command.details.name))
            }
            MovieCommand::UpdateHall(command) => {
                Needs::stream(command.id).and_holder(claims::hall_name(&command.details.name))
            }
            MovieCommand::RemoveHall(command) => Needs::stream(command.id),
            MovieCommand::Schedule(command) => Needs::holder(claims::showtime(new_showtime(command, id)))
                .and_stream(command.details.movie_id)
                .and_stream(command.details.hall_id),
            MovieCommand::Reschedule(command) => {
                Needs::holder(claims::showtime(command.id)).and_stream(command.details.movie_id)
            }
            MovieCommand::Cancel(command) => Needs::holder(claims::showtime(command.id)),
        }
    }

    /// Nothing that others know matters here.
    async fn gather(_: &Around, _: &Arc<Mutex<()>>, commands: &[&MovieCommand]) -> Vec<Result<(), Problem>> {
        commands.iter().map(|_| Ok(())).collect()
    }

    fn decide(command: &MovieCommand, context: &Context<'_, Self>) -> Decided {
        check_staff(context.actor)?;
        match command {
            MovieCommand::Add(command) => add(command, context),
            MovieCommand::Update(command) => update(command, context),
            MovieCommand::Remove(command) => remove(command, context),
            MovieCommand::AddHall(command) => add_hall(command, context),
            MovieCommand::UpdateHall(command) => update_hall(command, context),
            MovieCommand::RemoveHall(command) => remove_hall(command, context),
            MovieCommand::Schedule(command) => showtimes::schedule(command, context),
            MovieCommand::Reschedule(command) => showtimes::reschedule(command, context),
            MovieCommand::Cancel(command) => showtimes::cancel(command, context),
        }
    }

    fn apply(state: &mut State, event: &Recorded<MovieEvent>) {
        state.apply(&event.event, event.recorded_at);
    }

    async fn write_private(_: &mut Connection, _: &[Infallible]) -> Result<(), StoreError> {
        Ok(())
    }
}

fn add(command: &AddMovie, context: &Context<'_, Movies>) -> Decided {
    let id = new_movie(command, context.command_id);
    let event = context.state(id).add_movie(id, command)?;
    Ok(Decision::answer(&Movie::new(&event, context.now).view())?.event(id, event))
}

fn update(command: &UpdateMovie, context: &Context<'_, Movies>) -> Decided {
    let mut movie = movie(command.id, context)?.clone();
    let event = movie.update(command, context.if_version)?.into();
    movie.apply(&event, context.now);
    Ok(Decision::answer(&movie.view())?.event(command.id, event))
}

fn remove(command: &RemoveMovie, context: &Context<'_, Movies>) -> Decided {
    let movie = movie(command.id, context)?;
    let mut halls = context.holders(claims::HALL_NAME, "").filter_map(|(_, state)| state.hall());
    let upcoming = halls.any(|hall| hall.showtimes().will_show(command.id, context.now));
    let event = movie.remove(context.if_version, upcoming)?;
    Ok(Decision::answer(&Removed { id: command.id.0, version: movie.version() + 1 })?.event(command.id, event))
}

fn add_hall(command: &AddHall, context: &Context<'_, Movies>) -> Decided {
    let id = new_hall(command, context.command_id);
    let event = context.state(id).add_hall(id, command, name_holder(&command.details.name, context))?;
    Ok(Decision::answer(&Hall::new(&event, context.now).view())?
        .event(id, event)
        .take(claims::hall_name(&command.details.name), id))
}

fn update_hall(command: &UpdateHall, context: &Context<'_, Movies>) -> Decided {
    let id = command.id;
    let mut hall = hall(id, context)?.clone();
    let (old, new) = (claims::hall_name(&hall.details().name), claims::hall_name(&command.details.name));
    let holder = name_holder(&command.details.name, context);
    let event = hall.update(command, context.if_version, holder, context.now)?.into();
    hall.apply(&event, context.now);
    Ok(Decision::answer(&hall.view())?.event(id, event).release(old).take(new, id))
}

fn remove_hall(command: &RemoveHall, context: &Context<'_, Movies>) -> Decided {
    let hall = hall(command.id, context)?;
    let event = hall.remove(context.if_version, context.now)?;
    Ok(Decision::answer(&Removed { id: command.id.0, version: hall.version() + 1 })?
        .event(command.id, event)
        .release(claims::hall_name(&hall.details().name)))
}

/// The movie, unless it was removed.
fn movie<'a>(id: MovieId, context: &Context<'a, Movies>) -> Result<&'a Movie, Problem> {
    context.state(id).present_movie().ok_or_else(|| not_found(format_args!("movie {id}")))
}

/// The hall, unless it was removed.
fn hall<'a>(id: HallId, context: &Context<'a, Movies>) -> Result<&'a Hall, Problem> {
    context.state(id).present_hall().ok_or_else(|| not_found(format_args!("hall {id}")))
}

/// The hall that has this name.
fn name_holder(name: &HallName, context: &Context<'_, Movies>) -> Option<HallId> {
    context.holder(&claims::hall_name(name)).map(HallId)
}

/// The id that the caller gave the movie, or the one that follows from the command's.
fn new_movie(command: &AddMovie, id: CommandId) -> MovieId {
    command.id.unwrap_or_else(|| derive_id(id.0, "movie").into())
}

/// The id that the caller gave the hall, or the one that follows from the command's.
fn new_hall(command: &AddHall, id: CommandId) -> HallId {
    command.id.unwrap_or_else(|| derive_id(id.0, "hall").into())
}

/// The id that the caller gave the showtime, or the one that follows from the command's.
fn new_showtime(command: &ScheduleShowtime, id: CommandId) -> ShowtimeId {
    command.id.unwrap_or_else(|| derive_id(id.0, "showtime").into())
}
