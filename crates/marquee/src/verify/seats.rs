//! Seats: none has two owners, neither by the journal nor by the read tables, and the claims are those of the seats that
//! are sold.

use std::collections::{BTreeMap, HashMap};

use bookings::{claims, standing};
use contracts::Service;
use contracts::bookings::BookingEvent;
use contracts::ids::{BookingId, ShowtimeId};
use contracts::layout::Seat;
use runtime::database::{Connection, StoreError};
use runtime::inspection;
use uuid::Uuid;

use super::around::Around;
use super::finding::Findings;
use super::reading::Pages;

const CANCEL: &str = "cancel one of the two bookings (DELETE /api/bookings/{id}) and tell its owner";
const UNREADABLE: &str = "if a newer version wrote it, verify with that; else put back what the stream has of it";
const CLAIM: &str = "claims are written with the events: stop the bookings service and put the claims of kind 'seat' \
                     right in marquee_bookings";

/// Who sits where.
#[derive(Default)]
struct Owners {
    showtimes: HashMap<ShowtimeId, BTreeMap<Seat, BookingId>>,
}

impl Owners {
    /// Gives a booking these seats; those that others had, with who that was.
    fn give(
        &mut self,
        showtime: ShowtimeId,
        id: BookingId,
        seats: impl Iterator<Item = Seat>,
    ) -> Vec<(Seat, BookingId)> {
        let taken = self.showtimes.entry(showtime).or_default();
        let before = seats.filter_map(|seat| Some((seat, taken.insert(seat, id)?)));
        before.filter(|(_, owner)| *owner != id).collect()
    }

    /// Takes all seats from a booking.
    fn take(&mut self, showtime: ShowtimeId, id: BookingId) {
        if let Some(taken) = self.showtimes.get_mut(&showtime) {
            taken.retain(|_, owner| *owner != id);
        }
    }

    /// Forgets who has a seat; whether somebody had it.
    fn forget(&mut self, showtime: ShowtimeId, seat: Seat) -> bool {
        self.showtimes.get_mut(&showtime).is_some_and(|taken| taken.remove(&seat).is_some())
    }
}

/// The bookings' store as it is compared with their journal.
pub(super) struct Check {
    /// Claims and read tables of one moment.
    store: Connection,
    /// Where the journal was then.
    head: u64,
}

impl Check {
    /// # Errors
    /// When the store can't be looked at.
    pub(super) async fn open(around: &Around) -> anyhow::Result<Self> {
        let mut store = around.snapshot(Service::Bookings).await?;
        let head = inspection::head(&mut store).await?;
        Ok(Self { store, head })
    }

    /// # Errors
    /// When the store can't be looked at.
    pub(super) async fn run(mut self, journal: Pages) -> anyhow::Result<Vec<Findings>> {
        let mut findings = Findings::of("seats");
        let sold = sold(journal, self.head, &mut findings).await;
        claimed(&mut self.store, sold, &mut findings).await?;
        shown(&mut self.store, &mut findings).await?;
        Ok(vec![findings])
    }
}

/// Who has which seat by the journal.
async fn sold(mut journal: Pages, head: u64, findings: &mut Findings) -> Owners {
    let mut owners = Owners::default();
    while let Some(page) = journal.next().await {
        for row in page.iter().map(|entry| &entry.row).take_while(|row| row.position <= head) {
            let event = match row.read::<BookingEvent>() {
                Ok(event) => event.event,
                Err(error) => {
                    findings.add(format!("bookings, position {}", row.position), error.to_string(), UNREADABLE);
                    continue;
                }
            };
            let (showtime, id, seats) = match event {
                BookingEvent::Placed(event) => (event.showtime_id, event.booking_id, event.seats),
                BookingEvent::SeatsChanged(event) => (event.showtime_id, event.booking_id, event.seats),
                BookingEvent::Cancelled(event) => (event.showtime_id, event.booking_id, Vec::new()),
                BookingEvent::CheckedIn(_) => continue,
            };
            owners.take(showtime, id);
            for (seat, before) in owners.give(showtime, id, seats.iter().map(|sold| sold.seat)) {
                let what =
                    format!("seat {seat} of showtime {showtime} is sold to booking {id}, and booking {before} has it");
                findings.add(format!("bookings, position {}", row.position), what, CANCEL);
            }
        }
    }
    owners
}

/// Whether the claims are those of the seats that are sold.
async fn claimed(store: &mut Connection, mut sold: Owners, findings: &mut Findings) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = inspection::claims(store, claims::SEAT, &after).await?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        for (value, holder) in &page {
            let read =
                value.split_once('/').and_then(|(showtime, seat)| Some((showtime.parse().ok()?, seat.parse().ok()?)));
            let is_sold = read.is_some_and(|(showtime, seat): (ShowtimeId, Seat)| {
                // Another way to write the same seat would be a second claim to it.
                claims::seat(showtime, seat).value == *value && showtime.0 == *holder && sold.forget(showtime, seat)
            });
            if !is_sold {
                let what =
                    format!("held by {holder}, and by the journal the seat isn't sold there or is claimed already");
                findings.add(format!("bookings, claim {value}"), what, CLAIM);
            }
        }
    }
    for (showtime, seats) in sold.showtimes {
        for (seat, id) in seats {
            let what = format!("missing: by the journal booking {id} has the seat");
            findings.add(format!("bookings, claim {}", claims::seat(showtime, seat).value), what, CLAIM);
        }
    }
    Ok(())
}

/// Whether a seat has two owners by the bookings that are shown.
async fn shown(store: &mut Connection, findings: &mut Findings) -> Result<(), StoreError> {
    let (mut owners, mut after) = (Owners::default(), BookingId(Uuid::nil()));
    loop {
        let page = standing::page(store, after, inspection::PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for booking in &page {
            for (seat, before) in owners.give(booking.showtime_id, booking.id, booking.seats.iter().copied()) {
                let place = format!("bookings, table bookings, row {}", booking.id);
                let what =
                    format!("seat {seat} of showtime {}, which booking {before} has as well", booking.showtime_id);
                findings.add(place, what, "what is found of the projection bookings comes first");
            }
        }
    }
}
