//! How a command is decided: what has to be loaded for it, what the rules say, and the claims that back it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use contracts::bookings::{
    BookingCancelled, BookingCommand, BookingEvent, BookingsCancelled, CancelBooking, CancelShowtimeBookings,
    CancelUserBookings, ChangeSeats, CheckIn, PlaceBooking, ShowtimeRef,
};
use contracts::ids::{BookingId, CommandId, ShowtimeId, derive_id};
use contracts::layout::Seat;
use contracts::{Case, Problem};
use runtime::database::{Connection, StoreError};
use runtime::domain::{Around, Claim, Context, Decision, Domain, Needs, Recorded};
use uuid::Uuid;

use crate::claims;
use crate::domain::{Facts, Seating, access, already_exists, check_erased, not_found};
use crate::facts::{self, Known};
use crate::told::Memory;

/// The service's decisions.
pub struct Bookings;

type Decided = Result<Decision<Bookings>, Problem>;

impl Domain for Bookings {
    type Command = BookingCommand;
    type Event = BookingEvent;
    type State = Seating;
    type Facts = Known;
    type Memory = Memory;
    type PrivateRow = Infallible;

    fn needs(command: &BookingCommand, id: CommandId) -> Needs {
        match command {
            BookingCommand::Place(command) => Needs::stream(command.showtime_id)
                .and_unclaimed(claims::booking(booking_id(command, id)))
                .and_holder(claims::closed_showtime(command.showtime_id))
                .and_holder(claims::erased_user(command.user_id)),
            BookingCommand::ChangeSeats(command) => Needs::holder(claims::booking(command.id)),
            BookingCommand::Cancel(command) => Needs::holder(claims::booking(command.id)),
            BookingCommand::CheckIn(command) => Needs::holder(claims::booking(command.id)),
            BookingCommand::CancelShowtime(command) => {
                Needs::stream(command.showtime_id).and_holder(claims::closed_showtime(command.showtime_id))
            }
            BookingCommand::CancelUser(command) => Needs::holder(claims::erased_user(command.user_id))
                .and_prefix(claims::USER_SHOWTIME, claims::showtimes_of(command.user_id)),
        }
    }

    /// A booking that is changed may be one of a batch that is not decided yet.
    fn asks_early(command: &BookingCommand) -> bool {
        matches!(command, BookingCommand::Place(_))
    }

    async fn gather(
        around: &Around,
        memory: &Arc<Mutex<Memory>>,
        commands: &[&BookingCommand],
    ) -> Vec<Result<Known, Problem>> {
        facts::gather(around, memory, commands).await
    }

    fn decide(command: &BookingCommand, context: &Context<'_, Self>) -> Decided {
        match command {
            BookingCommand::Place(command) => place(command, context),
            BookingCommand::ChangeSeats(command) => change_seats(command, context),
            BookingCommand::Cancel(command) => cancel(command, context),
            BookingCommand::CheckIn(command) => check_in(command, context),
            BookingCommand::CancelShowtime(command) => cancel_showtime(command, context),
            BookingCommand::CancelUser(command) => cancel_user(command, context),
        }
    }

    fn apply(state: &mut Seating, event: &Recorded<BookingEvent>) {
        state.apply(&event.event, event.recorded_at);
    }

    fn bytes(state: &Seating) -> usize {
        state.bytes()
    }

    async fn write_private(_: &mut Connection, _: &[Infallible]) -> Result<(), StoreError> {
        Ok(())
    }
}

fn place(command: &PlaceBooking, context: &Context<'_, Bookings>) -> Decided {
    access::may_book_for(context.actor, command.user_id)?;
    let id = booking_id(command, context.command_id);
    let (showtime, seating) = (command.showtime_id, context.state(command.showtime_id));
    if context.holder(&claims::booking(id)).is_some() {
        return Err(already_exists(id));
    }
    let facts = Facts {
        showtime: context.facts.showtime(showtime),
        closed: stands(context, &claims::closed_showtime(showtime)),
        user_may_book: context.facts.user_may_book && !stands(context, &claims::erased_user(command.user_id)),
    };
    let event = seating.place(id, command, facts, context.now)?;
    let mut decision = answered(context, showtime, event.into())?.take(claims::booking(id), showtime);
    if !seating.knows(command.user_id) {
        decision = decision.take(claims::user_showtime(command.user_id, showtime), showtime);
    }
    Ok(take(decision, showtime, command.seats.as_slice()))
}

fn change_seats(command: &ChangeSeats, context: &Context<'_, Bookings>) -> Decided {
    let showtime = context.facts.booked_showtime.ok_or_else(|| not_found(command.id))?;
    let (seating, checked) = (context.state(showtime), context.facts.showtime(showtime));
    access::may_change(context.actor, seating, command.id)?;
    let event = seating.change_seats(command, context.if_version, checked, context.now)?;
    let decision = answered(context, showtime, event.into())?;
    let decision = release(decision, showtime, seating, command.id);
    Ok(take(decision, showtime, command.seats.as_slice()))
}

fn cancel(command: &CancelBooking, context: &Context<'_, Bookings>) -> Decided {
    let showtime = context.facts.booked_showtime.ok_or_else(|| not_found(command.id))?;
    let (seating, checked) = (context.state(showtime), context.facts.showtime(showtime));
    access::may_change(context.actor, seating, command.id)?;
    let event = seating.cancel(command, context.if_version, checked, context.now)?;
    let decision = answered(context, showtime, event.into())?;
    Ok(release(decision, showtime, seating, command.id))
}

fn check_in(command: &CheckIn, context: &Context<'_, Bookings>) -> Decided {
    let showtime = context.facts.booked_showtime.ok_or_else(|| not_found(command.id))?;
    let seating = context.state(showtime);
    access::may_check_in(context.actor, seating, command.id)?;
    let event = seating.check_in(command, context.if_version, context.facts.showtime(showtime))?;
    answered(context, showtime, event.into())
}

fn cancel_showtime(command: &CancelShowtimeBookings, context: &Context<'_, Bookings>) -> Decided {
    access::may_clear(context.actor)?;
    let showtime = command.showtime_id;
    let cancelled = context.state(showtime).cancel_all(command, context.facts.showtime(showtime))?;
    Ok(with_fence(cancel_several(cancelled, context)?, context, claims::closed_showtime(showtime), showtime.0))
}

fn cancel_user(command: &CancelUserBookings, context: &Context<'_, Bookings>) -> Decided {
    access::may_clear(context.actor)?;
    check_erased(command, context.facts.user_may_book)?;
    let mut cancelled = Vec::new();
    for (showtime, seating) in context.holders(claims::USER_SHOWTIME, &claims::showtimes_of(command.user_id)) {
        let showtime = ShowtimeId(showtime);
        cancelled.extend(seating.cancel_user(command, showtime, context.facts.showtime(showtime), context.now));
    }
    cancelled.sort_unstable_by_key(|event| event.booking_id);
    Ok(with_fence(
        cancel_several(cancelled, context)?,
        context,
        claims::erased_user(command.user_id),
        command.user_id.0,
    ))
}

/// The id that the caller gave the booking, or the one that follows from the command's.
fn booking_id(command: &PlaceBooking, id: CommandId) -> BookingId {
    command.id.unwrap_or_else(|| derive_id(id.0, "booking").into())
}

/// This event, answered with the booking as it stands then.
fn answered(context: &Context<'_, Bookings>, showtime: ShowtimeId, event: BookingEvent) -> Decided {
    let (Some((id, booked)), Some(checked)) =
        (context.state(showtime).after(&event, context.now), context.facts.showtime(showtime))
    else {
        return Err(Problem::new(Case::Internal, "an event was decided that fits no booking"));
    };
    let about = &checked.showtime;
    let showtime_ref = ShowtimeRef { id: showtime, starts_at: about.starts_at, hall: about.hall.clone() };
    let booking = booked.view(id, about.movie.clone(), showtime_ref);
    Ok(Decision::answer(&booking)?.event(showtime, event))
}

/// All these events, answered with the bookings that they are about.
fn cancel_several(cancelled: Vec<BookingCancelled>, context: &Context<'_, Bookings>) -> Decided {
    let bookings = cancelled.iter().map(|event| event.booking_id).collect();
    let mut decision = Decision::answer(&BookingsCancelled { bookings })?;
    for event in cancelled {
        let seating = context.state(event.showtime_id);
        decision = release(decision, event.showtime_id, seating, event.booking_id).event(event.showtime_id, event);
    }
    Ok(decision)
}

/// Takes the claims on these seats.
fn take(decision: Decision<Bookings>, showtime: ShowtimeId, seats: &[Seat]) -> Decision<Bookings> {
    seats.iter().fold(decision, |decision, seat| decision.take(claims::seat(showtime, *seat), showtime))
}

/// Gives back the claims on a booking's seats.
fn release(decision: Decision<Bookings>, showtime: ShowtimeId, seating: &Seating, id: BookingId) -> Decision<Bookings> {
    let seats = seating.booking(id).into_iter().flat_map(|booked| &booked.seats);
    seats.fold(decision, |decision, sold| decision.release(claims::seat(showtime, sold.seat)))
}

fn stands(context: &Context<'_, Bookings>, fence: &Claim) -> bool {
    context.holder(fence).is_some()
}

/// Puts a fence up, unless it stands.
fn with_fence(
    decision: Decision<Bookings>,
    context: &Context<'_, Bookings>,
    fence: Claim,
    holder: Uuid,
) -> Decision<Bookings> {
    if stands(context, &fence) { decision } else { decision.take(fence, holder) }
}
