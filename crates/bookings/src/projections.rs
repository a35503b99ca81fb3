//! The bookings as a read table, made of the service's own events.

use std::collections::{BTreeMap, HashSet};

use contracts::bookings::BookingEvent;
use contracts::ids::{BookingId, ShowtimeId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use runtime::database::{Connection, Key, StoreError};
use runtime::domain::Recorded;
use runtime::prepared::{counted, pieces};
use runtime::projector::Projection;

use crate::domain::Booked;
use crate::rows::BookingRow;
use crate::schema::bookings;

/// Keeps `bookings`.
pub struct BookingTables;

impl Projection for BookingTables {
    type Event = BookingEvent;
    const NAME: &'static str = "bookings";
    const TABLES: &'static [&'static str] = &["bookings"];

    /// Adds the events up in memory, so that a run of them costs the same few statements as one.
    async fn project(connection: &mut Connection, events: &[Recorded<BookingEvent>]) -> Result<(), StoreError> {
        let mut changed = load_changed(connection, events).await?;
        for event in events {
            apply(&mut changed, event)?;
        }
        let rows = changed.iter().map(|(id, (showtime, booked))| BookingRow::write(*id, *showtime, booked));
        let rows: Vec<BookingRow> = rows.collect::<Result<_, _>>()?;
        for part in pieces(&rows) {
            counted(diesel::replace_into(bookings::table).values(part), part.len()).execute(connection).await?;
        }
        Ok(())
    }
}

/// In the order of their ids, which is that of the table: rows are added at its end.
type Changed = BTreeMap<BookingId, (ShowtimeId, Booked)>;

/// The bookings of before that these events change.
async fn load_changed(connection: &mut Connection, events: &[Recorded<BookingEvent>]) -> Result<Changed, StoreError> {
    let (mut placed, mut ids) = (HashSet::new(), HashSet::new());
    for event in events {
        match &event.event {
            BookingEvent::Placed(event) => drop(placed.insert(event.booking_id)),
            BookingEvent::SeatsChanged(event) => drop(ids.insert(event.booking_id)),
            BookingEvent::CheckedIn(event) => drop(ids.insert(event.booking_id)),
            BookingEvent::Cancelled(event) => drop(ids.insert(event.booking_id)),
        }
    }
    let ids: Vec<Key> = ids.difference(&placed).map(|id| Key(id.0)).collect();
    let mut changed = Changed::new();
    for part in pieces(&ids) {
        let found = bookings::table.filter(bookings::id.eq_any(part)).select(BookingRow::as_select());
        for row in counted(found, part.len()).load(connection).await? {
            let (id, showtime, booked) = row.read()?;
            changed.insert(id, (showtime, booked));
        }
    }
    Ok(changed)
}

fn apply(changed: &mut Changed, event: &Recorded<BookingEvent>) -> Result<(), StoreError> {
    let at = event.recorded_at;
    let mut known = |id: BookingId| changed.remove(&id).map(|(_, booked)| booked);
    let (id, showtime, after) = match &event.event {
        BookingEvent::Placed(event) => (event.booking_id, event.showtime_id, Booked::placed(event, at)),
        BookingEvent::SeatsChanged(event) => {
            let after = known(event.booking_id).map(|booked| booked.with_seats(&event.seats, at));
            (event.booking_id, event.showtime_id, after)
        }
        BookingEvent::CheckedIn(event) => {
            (event.booking_id, event.showtime_id, known(event.booking_id).map(|booked| booked.checked_in(at)))
        }
        BookingEvent::Cancelled(event) => {
            (event.booking_id, event.showtime_id, known(event.booking_id).map(|booked| booked.cancelled(at)))
        }
    };
    let unfit = || StoreError::Unreadable(format!("the event at position {} fits no booking", event.position));
    changed.insert(id, (showtime, after.ok_or_else(unfit)?));
    Ok(())
}
