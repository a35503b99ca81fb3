//! Bookings: each change is one transaction, in which the showtime's row is locked.

use ::users::domain::not_found as unknown_user;
use axum::response::Response;
use bookings::domain::{Booked, Facts, Seating, access, not_found};
use bookings::rows::BookingRow;
use bookings::schema::bookings as table;
use contracts::bookings::{
    Booking, BookingEvent, CancelBooking, ChangeSeats, CheckIn, ListBookings, PlaceBooking, ShowtimeRef,
};
use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::layout::Seat;
use contracts::page::Page;
use contracts::{Case, Problem};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use gateway::bodies::{NewBooking, NewSeats, TheirBookings};
use gateway::input::{Filter, Id, Input};
use gateway::instead::Instead;
use gateway::listing;
use gateway::representation::unless_known;
use gateway::shown::ShownBooking;
use runtime::database::{Connection, Key};
use uuid::Uuid;

use super::{done, users};
use crate::found;
use crate::request::Asking;
use crate::seats::{self, Locked};
use crate::store::{Stop, now, retried};

/// Books seats.
pub(crate) async fn create(asking: Asking, Input(wanted): Input<NewBooking>) -> Result<Response, Instead> {
    asking.caller.check_known()?;
    let NewBooking { user_id, showtime_id, seats } = wanted;
    access::may_book_for(&asking.caller.actor, user_id)?;
    let id = BookingId(Uuid::now_v7());
    let command = PlaceBooking { id: Some(id), user_id, showtime_id, seats };
    let booked = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection.transaction(async |connection| place(connection, &asking, id, &command).await).await
    });
    Ok(done(booked.await?).created(format!("/api/bookings/{id}")))
}

async fn place(
    connection: &mut Connection,
    asking: &Asking,
    id: BookingId,
    command: &PlaceBooking,
) -> Result<ShownBooking, Stop> {
    let (showtime, user, wanted) = (command.showtime_id, command.user_id, command.seats.as_slice());
    let Some(locked) = seats::lock(connection, &asking.here.layouts, showtime, user).await? else {
        let user_may_book = users::exists_user(connection, user).await?;
        let facts = Facts { showtime: None, closed: false, user_may_book };
        return Err(refusal(Seating::default().place(id, command, facts, now())));
    };
    let seating = Seating::of(seats::taken(connection, showtime, user, wanted).await?);
    let checked = locked.checked(wanted);
    let facts = Facts { showtime: Some(&checked), closed: false, user_may_book: locked.user.is_some() };
    let event = seating.place(id, command, facts, now())?;
    let booked = after(&seating, &event.clone().into())?;
    let row = BookingRow::write(id, showtime, &booked)?;
    diesel::insert_into(table::table).values(row).execute(connection).await?;
    seats::take(connection, showtime, id, user, &event.seats).await?;
    Ok(shown(booked, id, locked, &checked.showtime.movie))
}

/// Gives a booking other seats.
pub(crate) async fn update(
    asking: Asking,
    Id(id): Id<BookingId>,
    Input(NewSeats { seats }): Input<NewSeats>,
) -> Result<Response, Instead> {
    asking.caller.check_known()?;
    let command = ChangeSeats { id, seats };
    let changed = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let wanted = command.seats.as_slice();
                let (locked, showtime, seating, version) = load(connection, &asking, id, wanted).await?;
                access::may_change(&asking.caller.actor, &seating, id)?;
                let checked = locked.checked(wanted);
                let event = seating.change_seats(&command, asking.if_version(version), Some(&checked), now())?;
                let booked = after(&seating, &event.clone().into())?;
                seats::release(connection, showtime, id).await?;
                seats::take(connection, showtime, id, booked.user_id, &event.seats).await?;
                write(connection, id, showtime, &booked).await?;
                Ok::<_, Stop>(shown(booked, id, locked, &checked.showtime.movie))
            })
            .await
    });
    Ok(done(changed.await?).changed())
}

/// Cancels a booking.
pub(crate) async fn delete(asking: Asking, Id(id): Id<BookingId>) -> Result<Response, Instead> {
    asking.caller.check_known()?;
    let cancelled = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let (locked, showtime, seating, version) = load(connection, &asking, id, &[]).await?;
                access::may_change(&asking.caller.actor, &seating, id)?;
                let (command, checked) = (CancelBooking { id }, locked.checked(&[]));
                let event = seating.cancel(&command, asking.if_version(version), Some(&checked), now())?;
                let booked = after(&seating, &event.into())?;
                seats::release(connection, showtime, id).await?;
                write(connection, id, showtime, &booked).await
            })
            .await
    });
    Ok(done(cancelled.await?).gone())
}

/// Checks a booking in.
pub(crate) async fn check_in(asking: Asking, Id(id): Id<BookingId>) -> Result<Response, Instead> {
    asking.caller.check_known()?;
    let checked_in = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let (locked, showtime, seating, version) = load(connection, &asking, id, &[]).await?;
                access::may_check_in(&asking.caller.actor, &seating, id)?;
                let checked = locked.checked(&[]);
                let event = seating.check_in(&CheckIn { id }, asking.if_version(version), Some(&checked))?;
                let booked = after(&seating, &event.into())?;
                write(connection, id, showtime, &booked).await?;
                Ok::<_, Stop>(shown(booked, id, locked, &checked.showtime.movie))
            })
            .await
    });
    Ok(done(checked_in.await?).changed())
}

/// Gets a booking.
pub(crate) async fn get(asking: Asking, Id(id): Id<BookingId>) -> Result<Response, Instead> {
    asking.caller.check_known()?;
    let connection = &mut *asking.here.database.connection().await.map_err(Problem::from)?;
    let (booking, user) = found::booking(connection, id).await?.ok_or_else(|| not_found(id))?;
    let actor = &asking.caller.actor;
    if !actor.is_staff() && !actor.is(booking.user_id) {
        return Err(not_found(id).into());
    }
    Ok(unless_known(&asking.headers, &ShownBooking::new(booking, user)))
}

/// Lists bookings.
pub(crate) async fn list(asking: Asking, Filter(mut query): Filter<ListBookings>) -> Result<Response, Instead> {
    let actor = &asking.caller.actor;
    if let Some(user) = actor.user().filter(|_| !actor.is_staff()) {
        query.user_id.get_or_insert(user);
    }
    if query.user_id.is_none_or(|user| !actor.is(user)) {
        asking.caller.check_staff()?;
    }
    Ok(listing::page(&asking.uri, page(&asking, &query).await?))
}

/// Lists a user's bookings.
pub(crate) async fn of_user(
    asking: Asking,
    Id(id): Id<UserId>,
    Filter(filter): Filter<TheirBookings>,
) -> Result<Response, Instead> {
    if !asking.caller.actor.is_staff() {
        asking.caller.check_self(id)?;
    }
    let TheirBookings { showtime_id, status, limit, cursor } = filter;
    let page = page(&asking, &ListBookings { user_id: Some(id), showtime_id, status, limit, cursor }).await?;
    if page.items.is_empty() {
        let connection = &mut *asking.here.database.connection().await.map_err(Problem::from)?;
        if !users::exists_user(connection, id).await.map_err(Problem::from)? {
            return Err(unknown_user(id).into());
        }
    }
    Ok(listing::page(&asking.uri, page))
}

async fn page(asking: &Asking, query: &ListBookings) -> Result<Page<ShownBooking>, Problem> {
    let connection = &mut *asking.here.database.connection().await?;
    let Page { items, cursor } = found::bookings(connection, query).await?;
    Ok(Page { items: items.into_iter().map(|(booking, user)| ShownBooking::new(booking, user)).collect(), cursor })
}

/// What a change of a booking is decided about: its showtime, locked, with the booking and the seats in question.
async fn load(
    connection: &mut Connection,
    asking: &Asking,
    id: BookingId,
    wanted: &[Seat],
) -> Result<(Locked, ShowtimeId, Seating, u32), Stop> {
    // A booking keeps its showtime and its user, so the two can be read before there is a lock.
    let key = table::table.find(Key(id.0)).select((table::showtime_id, table::user_id));
    let found: Option<(Key, Key)> = key.first(connection).await.optional()?;
    let (Key(showtime), Key(user)) = found.ok_or_else(|| not_found(id))?;
    let (showtime, user) = (ShowtimeId(showtime), UserId(user));
    let locked = seats::lock(connection, &asking.here.layouts, showtime, user).await?;
    let locked = locked.ok_or_else(|| Problem::new(Case::Internal, "a booking's showtime is missing"))?;
    let row: BookingRow = table::table.find(Key(id.0)).select(BookingRow::as_select()).first(connection).await?;
    let (_, _, booked) = row.read()?;
    let taken = match wanted {
        [] => Vec::new(),
        wanted => seats::taken(connection, showtime, user, wanted).await?,
    };
    let version = booked.version;
    Ok((locked, showtime, Seating::of(taken).with(id, booked), version))
}

async fn write(connection: &mut Connection, id: BookingId, showtime: ShowtimeId, booked: &Booked) -> Result<(), Stop> {
    let row = BookingRow::write(id, showtime, booked)?;
    diesel::replace_into(table::table).values(row).execute(connection).await?;
    Ok(())
}

fn after(seating: &Seating, event: &BookingEvent) -> Result<Booked, Problem> {
    let unfit = || Problem::new(Case::Internal, "an event was decided that fits no booking");
    seating.after(event, now()).map(|(_, booked)| booked).ok_or_else(unfit)
}

fn shown(booked: Booked, id: BookingId, locked: Locked, movie: &contracts::showtimes::MovieRef) -> ShownBooking {
    let reference: ShowtimeRef = locked.reference();
    let booking: Booking = booked.view(id, movie.clone(), reference);
    ShownBooking::new(booking, locked.user)
}

/// Nothing is decided where there is no showtime.
fn refusal<T>(decided: Result<T, Problem>) -> Stop {
    match decided {
        Err(problem) => problem.into(),
        Ok(_) => Problem::new(Case::Internal, "something was decided about nothing").into(),
    }
}
