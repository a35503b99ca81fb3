//! Growth: a past of many bookings, written straight into the store of the bookings service while nothing runs on it, for
//! by REST a million bookings take hours. They are what the service would have decided: showtimes that are sold out but
//! for a few seats, each booking with a command, an outcome and claims for each of its events. The relay and the read
//! tables then work through all of it as they would have.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bookings::claims;
use bookings::domain::Booked;
use bookings::projections::BookingTables;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::bookings::{BookingCheckedIn, BookingEvent, BookingPlaced, SeatsChanged, ShowtimeRef, SoldSeat};
use contracts::ids::{BookingId, CommandId, UserId, derive_id};
use contracts::showtimes::Showtime;
use contracts::{Actor, Role, Roles, Service};
use runtime::broker::sign_in;
use runtime::database::Database;
use runtime::domain::Claim;
use runtime::events::bounds;
use runtime::history::{self, Past};
use runtime::inspection;
use runtime::projector::Projection;
use serde_json::value::to_raw_value;
use tokio::time::sleep;
use uuid::{NoContext, Timestamp, Uuid};

use super::stock::{SEATS, SIDE_BY_SIDE, Stock, seat};
use super::system::System;
use crate::logs::say;

/// What each booking leaves in the journal: it is placed, gets another seat three times, and its holder comes.
pub(super) const EVENTS: usize = 5;
/// By how many seats it has moved in the end: so many of each showtime stay free.
const MOVES: usize = EVENTS - 2;
/// Events that are written in one transaction.
const CHUNK: usize = 50_000;
/// How long ago the first of them was decided. Outcomes are kept for longer.
const AGO: TimeDelta = TimeDelta::days(7);
/// How often it is looked how far the read tables are, and how long that may take.
const LOOK: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(3600);

/// Makes a past of so many bookings, and waits until they can be read. All of them, each with one seat.
///
/// # Errors
/// When the system does not take the showtimes, its store can't be written, or the read tables don't catch up.
pub(super) async fn fill(system: &mut System, stock: &mut Stock, bookings: usize) -> anyhow::Result<Vec<String>> {
    let mut showtimes = Vec::new();
    for id in stock.make_showtimes(bookings.div_ceil(SEATS - MOVES)).await? {
        showtimes.push(stock.showtime(&id).await?);
    }
    system.stop_programs().await;
    let began = Instant::now();
    let database = Database::new(system.bookings_url()?, 1)?;
    let users = stock.users.iter().map(|id| id.parse()).collect::<Result<Vec<UserId>, _>>()?;
    let mut writer = Writer::new(&database, bookings * EVENTS);
    let mut made = Vec::with_capacity(bookings);
    for group in showtimes.chunks(SIDE_BY_SIDE) {
        for place in 0..SEATS - MOVES {
            // Neighbouring events are of different showtimes, as they are when many book.
            let fresh = group.iter().enumerate().take(bookings - made.len());
            let mut placed = Vec::with_capacity(group.len());
            for (number, showtime) in fresh {
                let user = users.get((place + number) % users.len().max(1)).context("there are no users")?;
                placed.push(writer.place(showtime, *user, place).await?);
            }
            for step in 1..EVENTS {
                for booking in &mut placed {
                    writer.change(booking, place, step).await?;
                }
            }
            made.extend(placed.iter().map(|booking| booking.id.to_string()));
        }
    }
    writer.flush().await?;
    let events = bookings * EVENTS;
    say(&format!("{events} events written in {:.0} s", began.elapsed().as_secs_f64()));
    let ready = system.start_programs().await?;
    say(&format!("ready after {:.2} s, with all of them to be published", ready.as_secs_f64()));
    catch_up(system).await?;
    Ok(made)
}

/// Waits until the read tables and the broker have all that the journal has. Neither waits for the other.
async fn catch_up(system: &System) -> anyhow::Result<()> {
    let mut store = inspection::connect(system.bookings_url()?).await?;
    let (address, options) = sign_in(system.operator_url()?)?;
    let jetstream = async_nats::jetstream::new(options.connect(address).await?);
    let (began, head) = (Instant::now(), inspection::head(&mut store).await?);
    loop {
        let read =
            inspection::checkpoint(&mut store, BookingTables::NAME, Service::Bookings).await?.unwrap_or_default();
        let (_, published) = bounds(&jetstream, Service::Bookings).await.unwrap_or_default();
        if read.min(published) >= head {
            say(&format!("published and in the read tables after {:.0} s", began.elapsed().as_secs_f64()));
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("of {head} events, {read} are in the read tables and {published} in the stream");
        }
        sleep(LOOK).await;
    }
}

/// A booking on its way through its events.
struct Booking<'a> {
    id: BookingId,
    showtime: &'a Showtime,
    booked: Booked,
}

/// Writes events, many at once.
struct Writer<'a> {
    database: &'a Database,
    waiting: Vec<Past<BookingEvent>>,
    /// When the next one was decided, and the one after that so much later.
    now: DateTime<Utc>,
    apart: TimeDelta,
}

impl<'a> Writer<'a> {
    fn new(database: &'a Database, events: usize) -> Self {
        let events = i32::try_from(events).unwrap_or(i32::MAX).max(1);
        let apart = TimeDelta::microseconds((AGO / events).num_microseconds().unwrap_or_default());
        let now = DateTime::from_timestamp_micros((Utc::now() - AGO).timestamp_micros()).unwrap_or_default();
        Self { database, waiting: Vec::with_capacity(CHUNK), now, apart }
    }

    /// Books for a user what is this place of the showtime in the end.
    async fn place<'s>(&mut self, showtime: &'s Showtime, user: UserId, place: usize) -> anyhow::Result<Booking<'s>> {
        let command_id = self.command()?;
        let id = BookingId(derive_id(command_id.0, "booking"));
        let event = BookingPlaced {
            booking_id: id,
            showtime_id: showtime.id,
            user_id: user,
            seats: vec![sold(showtime, place + MOVES)?],
        };
        let booked = Booked::placed(&event, self.now).context("a booking without seats")?;
        let booking = Booking { id, showtime, booked };
        // Those that are left when all has happened.
        let taken = vec![
            claims::booking(id),
            claims::user_showtime(user, showtime.id),
            claims::seat(showtime.id, seat(place).parse().map_err(anyhow::Error::msg)?),
        ];
        let actor = Actor::User(user, Roles::only(Role::Customer));
        self.push(command_id, actor, &booking, place, event.into(), taken).await?;
        Ok(booking)
    }

    /// What happens to it next.
    async fn change(&mut self, booking: &mut Booking<'_>, place: usize, step: usize) -> anyhow::Result<()> {
        let Booking { id: booking_id, showtime, booked } = &*booking;
        let (booking_id, showtime_id, before) = (*booking_id, showtime.id, booked.clone());
        let (event, actor): (BookingEvent, Actor) = if step <= MOVES {
            let seats = vec![sold(showtime, place + MOVES - step)?];
            let actor = Actor::User(before.user_id, Roles::only(Role::Customer));
            booking.booked = before.with_seats(&seats, self.now);
            (SeatsChanged { booking_id, showtime_id, seats }.into(), actor)
        } else {
            booking.booked = before.checked_in(self.now);
            (BookingCheckedIn { booking_id, showtime_id }.into(), Actor::Machine(Roles::only(Role::Staff)))
        };
        let command_id = self.command()?;
        self.push(command_id, actor, booking, place, event, Vec::new()).await
    }

    /// The id of a command that was given now.
    fn command(&self) -> anyhow::Result<CommandId> {
        let (seconds, nanoseconds) = (u64::try_from(self.now.timestamp())?, self.now.timestamp_subsec_nanos());
        Ok(CommandId(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanoseconds))))
    }

    async fn push(
        &mut self,
        command_id: CommandId,
        actor: Actor,
        booking: &Booking<'_>,
        place: usize,
        event: BookingEvent,
        taken: Vec<Claim>,
    ) -> anyhow::Result<()> {
        let Booking { id, showtime, booked } = booking;
        let about = ShowtimeRef { id: showtime.id, starts_at: showtime.starts_at, hall: showtime.hall.clone() };
        // Each booking of the showtime before had all its events.
        let version = u32::try_from(place * EVENTS)? + booked.version;
        let answer = to_raw_value(&booked.clone().view(*id, showtime.movie.clone(), about))?;
        let (stream_id, decided_at) = (showtime.id.0, self.now);
        self.waiting.push(Past { command_id, actor, decided_at, stream_id, version, event, answer, taken });
        self.now += self.apart;
        if self.waiting.len() >= CHUNK { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(history::write(self.database, std::mem::take(&mut self.waiting)).await?)
    }
}

fn sold(showtime: &Showtime, place: usize) -> anyhow::Result<SoldSeat> {
    let (category, price) = showtime.prices.first_key_value().context("a showtime without prices")?;
    let seat = seat(place).parse().map_err(anyhow::Error::msg)?;
    Ok(SoldSeat { seat, category: category.clone(), price: price.clone() })
}
