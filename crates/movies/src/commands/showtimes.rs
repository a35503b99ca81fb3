//! Commands about showtimes. A showtime's events are in its hall's stream.

use contracts::Problem;
use contracts::ids::{HallId, ShowtimeId};
use contracts::message::Removed;
use contracts::showtimes::{CancelShowtime, RescheduleShowtime, ScheduleShowtime};
use runtime::domain::{Context, Decision};

use super::{Decided, Movies, new_showtime};
use crate::claims;
use crate::domain::{Hall, Screening, check_unused, not_found, references};

pub(super) fn schedule(command: &ScheduleShowtime, context: &Context<'_, Movies>) -> Decided {
    let id = new_showtime(command, context.command_id);
    check_unused(id, context.holder(&claims::showtime(id)).map(HallId))?;
    let details = &command.details;
    let (movie, hall) = (context.state(details.movie_id), context.state(details.hall_id));
    let (movie, hall) = references(details, movie.present_movie(), hall.present_hall())?;
    let event = hall.schedule(id, command, movie, context.now)?;
    let screening = Screening::new(&event);
    let decision = Decision::answer(&screening.view(movie.reference(), hall.reference()))?
        .event(hall.id(), event)
        .take(claims::showtime(id), hall.id());
    Ok(take_slots(decision, hall, &screening))
}

pub(super) fn reschedule(command: &RescheduleShowtime, context: &Context<'_, Movies>) -> Decided {
    let (hall, screening) = find(command.id, context)?;
    let event = hall.reschedule(command, context.if_version, context.now)?;
    // The rules have it that the movie is still the one that was scheduled.
    let movie = context.state(command.details.movie_id).movie();
    let movie = movie.ok_or_else(|| not_found(format_args!("movie {}", command.details.movie_id)))?;
    let rescheduled = screening.rescheduled(&event);
    let decision = Decision::answer(&rescheduled.view(movie.reference(), hall.reference()))?.event(hall.id(), event);
    Ok(take_slots(release_slots(decision, hall, screening), hall, &rescheduled))
}

pub(super) fn cancel(command: &CancelShowtime, context: &Context<'_, Movies>) -> Decided {
    let (hall, screening) = find(command.id, context)?;
    let event = hall.cancel(command.id, context.if_version, context.now)?;
    let answer = Removed { id: command.id.0, version: screening.version() + 1 };
    Ok(release_slots(Decision::answer(&answer)?.event(hall.id(), event), hall, screening))
}

fn find<'a>(id: ShowtimeId, context: &Context<'a, Movies>) -> Result<(&'a Hall, &'a Screening), Problem> {
    let hall = context.holder(&claims::showtime(id)).and_then(|hall| context.state(hall).hall());
    let screening = hall.and_then(|hall| hall.showtimes().screening(id));
    hall.zip(screening).ok_or_else(|| not_found(format_args!("showtime {id}")))
}

fn take_slots(decision: Decision<Movies>, hall: &Hall, screening: &Screening) -> Decision<Movies> {
    let slots = screening.slots();
    slots.fold(decision, |decision, slot| decision.take(claims::hall_slot(hall.id(), slot), hall.id()))
}

fn release_slots(decision: Decision<Movies>, hall: &Hall, screening: &Screening) -> Decision<Movies> {
    screening.slots().fold(decision, |decision, slot| decision.release(claims::hall_slot(hall.id(), slot)))
}
