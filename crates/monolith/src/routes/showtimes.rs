//! Showtimes and their seat maps.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bookings::rows::booking_status;
use bookings::schema::bookings as table;
use bookings::seat_map::Plan;
use chrono::{DateTime, Utc};
use contracts::bookings::{BookingStatus, SeatMap};
use contracts::ids::{HallId, ShowtimeId};
use contracts::showtimes::{GetShowtime, ListShowtimes, RescheduleShowtime, ScheduleShowtime, ShowtimeDetails};
use contracts::{Case, Problem};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Integer, Text, Unsigned};
use diesel_async::{AsyncConnection, RunQueryDsl};
use gateway::input::{Filter, Id, Input};
use gateway::instead::Instead;
use gateway::listing;
use gateway::representation::unless_known;
use movies::domain::{Screening, check_staff, not_found, references};
use movies::queries;
use runtime::database::{Connection, Key, StoreError};
use uuid::Uuid;

use super::done;
use super::programme::{self, Those};
use crate::request::Asking;
use crate::store::{Stop, now, retried};
use crate::words::{Value, Words};

/// Schedules a showtime.
pub(crate) async fn create(asking: Asking, Input(details): Input<ShowtimeDetails>) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let id = ShowtimeId(Uuid::now_v7());
    let command = ScheduleShowtime { id: Some(id), details };
    let scheduled = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection.transaction(async |connection| schedule(connection, id, &command).await).await
    });
    Ok(done(scheduled.await?).created(format!("/api/showtimes/{id}")))
}

async fn schedule(
    connection: &mut Connection,
    id: ShowtimeId,
    command: &ScheduleShowtime,
) -> Result<contracts::showtimes::Showtime, Stop> {
    let details = &command.details;
    let hall = programme::hall(connection, details.hall_id, Those::Around(details.starts_at), None).await?;
    let movie = programme::movie(connection, details.movie_id).await?;
    let (movie, hall) = references(details, movie.as_ref(), hall.as_ref())?;
    let at = now();
    let event = hall.schedule(id, command, movie, at)?;
    let view = Screening::new(&event).view(movie.reference(), hall.reference());
    programme::save(connection, event, at).await?;
    Ok(view)
}

/// Lists showtimes.
pub(crate) async fn list(asking: Asking, Filter(query): Filter<ListShowtimes>) -> Result<Response, Instead> {
    Ok(listing::page(&asking.uri, queries::showtimes(asking.here.database.clone(), query).await?))
}

/// Gets a showtime.
pub(crate) async fn get(asking: Asking, Id(id): Id<ShowtimeId>) -> Result<Response, Instead> {
    let showtime = queries::showtime(asking.here.database.clone(), GetShowtime { id }).await?;
    Ok(unless_known(&asking.headers, &showtime))
}

/// Changes a showtime's start, format, language or prices.
pub(crate) async fn update(
    asking: Asking,
    Id(id): Id<ShowtimeId>,
    Input(details): Input<ShowtimeDetails>,
) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let command = RescheduleShowtime { id, details };
    let changed = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let (view, at) = (programme::showtime(connection, id).await?, now());
                let (hall_id, version, names) = (view.hall.id, view.version, (view.movie.clone(), view.hall.clone()));
                let own = Screening::of(view);
                let around = Those::Around(command.details.starts_at);
                let hall = programme::hall(connection, hall_id, around, Some(own.clone())).await?;
                let hall = hall.ok_or_else(|| no_hall(hall_id))?;
                let event = hall.reschedule(&command, asking.if_version(version), at)?;
                let changed = own.rescheduled(&event).view(names.0, names.1);
                programme::save(connection, event, at).await?;
                Ok::<_, Stop>(changed)
            })
            .await
    });
    Ok(done(changed.await?).changed())
}

/// Cancels a showtime, and its bookings with it.
pub(crate) async fn delete(asking: Asking, Id(id): Id<ShowtimeId>) -> Result<Response, Instead> {
    check_staff(&asking.caller.actor)?;
    let cancelled = retried(|| async {
        let mut connection = asking.here.database.connection().await?;
        connection
            .transaction(async |connection| {
                let (view, at) = (programme::showtime(connection, id).await?, now());
                let (hall_id, version, own) = (view.hall.id, view.version, Screening::of(view));
                let hall = programme::hall(connection, hall_id, Those::After(at), Some(own)).await?;
                let hall = hall.ok_or_else(|| no_hall(hall_id))?;
                let event = hall.cancel(id, asking.if_version(version), at)?;
                programme::save(connection, event, at).await?;
                cancel_bookings(connection, id, at).await
            })
            .await
    });
    Ok(done(cancelled.await?).gone())
}

/// A showtime's hall and what of it a seat map shows.
type Shown = (Binary, Unsigned<Integer>, Text, Bool);

/// Gets the seat map of a showtime.
pub(crate) async fn seats(asking: Asking, Id(id): Id<ShowtimeId>) -> Result<Response, Instead> {
    Ok(Json(seat_map(&asking, id).await?).into_response())
}

async fn seat_map(asking: &Asking, id: ShowtimeId) -> Result<SeatMap, Problem> {
    const SHOWN: &str = "SELECT h.id, h.version, s.details, s.cancelled \
        FROM showtimes s JOIN halls h ON h.id = s.hall_id WHERE s.id = ?";
    const TAKEN: &str = "SELECT seat FROM booked_seats WHERE showtime_id = ?";
    let connection = &mut *asking.here.database.connection().await?;
    let key = || vec![Value::Key(Key(id.0))];
    let shown = Words::<Shown>::new(SHOWN, key()).get_result(connection).await.optional();
    let shown: Option<(Key, u32, String, bool)> = shown.map_err(StoreError::from)?;
    let (hall, version, details, cancelled) = shown.ok_or_else(|| not_found(format_args!("showtime {id}")))?;
    let taken = Words::<(Text,)>::new(TAKEN, key()).load(connection).await;
    let taken: Vec<(String,)> = taken.map_err(StoreError::from)?;
    let details: ShowtimeDetails = movies::rows::from_json(&details)?;
    let taken = taken.iter().map(|(seat,)| seat.parse()).collect::<Result<_, String>>();
    let layout = asking.here.layouts.of(connection, HallId(hall.0), version).await?;
    let plan =
        Plan { layout: &layout, prices: details.prices, cancelled, taken: taken.map_err(StoreError::Unreadable)? };
    Ok(plan.map(id))
}

/// What a cancelled showtime leaves of its bookings.
async fn cancel_bookings(connection: &mut Connection, id: ShowtimeId, at: DateTime<Utc>) -> Result<(), Stop> {
    let bookings = table::table.filter(table::showtime_id.eq(Key(id.0)));
    let standing = bookings.filter(table::status.ne(booking_status(BookingStatus::Cancelled)));
    let cancelled = (
        table::status.eq(booking_status(BookingStatus::Cancelled)),
        table::version.eq(table::version + 1),
        table::updated_at.eq(at.naive_utc()),
    );
    diesel::update(standing).set(cancelled).execute(connection).await?;
    let key = vec![Value::Key(Key(id.0))];
    Words::<()>::new("DELETE FROM booked_seats WHERE showtime_id = ?", key).execute(connection).await?;
    Ok(())
}

fn no_hall(id: HallId) -> Problem {
    Problem::new(Case::Internal, format!("hall {id} of a showtime is missing"))
}
