//! Seat maps that somebody looks at: each is asked for once for all who do, again whenever something happened to its
//! showtime, and what differs is what they are sent.

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use contracts::bookings::{GetSeatMap, SeatMap};
use contracts::ids::ShowtimeId;
use contracts::{Case, Problem, Service};
use futures_util::{Stream, StreamExt, stream};
use runtime::client::Client;
use runtime::database::backoff;
use tokio::sync::OnceCell;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::RETRY;
use super::entry::Entry;
use super::place::Place;
use super::room::Listening;
use super::shown::{Shown, is_cancelled};
use super::tail::{Behind, Tail};
use crate::recall::shared;

/// Events that are looked through at once.
const EVENTS: usize = 256;
/// What a client is sent now and then.
const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// The seat maps that somebody looks at.
pub(crate) struct SeatMaps {
    client: Client,
    tail: Arc<Tail>,
    open: Mutex<HashMap<ShowtimeId, Weak<OnceCell<LiveMap>>>>,
}

/// One of them.
struct LiveMap {
    shown: Arc<Mutex<Shown>>,
    /// Ends the task when nobody looks any more.
    _task: DropGuard,
}

/// Somebody who looks at a map.
pub(crate) struct Look {
    /// As long as it is held, the map is kept up to date.
    _map: Arc<OnceCell<LiveMap>>,
    shown: Arc<Mutex<Shown>>,
}

impl SeatMaps {
    pub(crate) fn new(client: Client, tail: Arc<Tail>) -> Self {
        Self { client, tail, open: Mutex::default() }
    }

    /// Looks at the map of this showtime. It is found by whoever has seen it scheduled, which is before this place.
    ///
    /// # Errors
    /// The problem of the service, when there is no such showtime; [`Case::Unavailable`].
    pub(crate) async fn open(&self, showtime: ShowtimeId, seen: &Place) -> Result<Look, Problem> {
        let map = self.cell(showtime);
        let live = shared(map.get_or_try_init(|| self.start(showtime, seen))).await?;
        let shown = Arc::clone(&live.shown);
        Ok(Look { _map: map, shown })
    }

    fn cell(&self, showtime: ShowtimeId) -> Arc<OnceCell<LiveMap>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = open.get(&showtime).and_then(Weak::upgrade) {
            return map;
        }
        open.retain(|_, map| map.strong_count() > 0);
        let map = Arc::default();
        open.insert(showtime, Arc::downgrade(&map));
        map
    }

    async fn start(&self, showtime: ShowtimeId, seen: &Place) -> Result<LiveMap, Problem> {
        let place = self.tail.reach(seen).await?;
        let map = ask(&self.client, showtime, &place).await?;
        let shown = Arc::new(Mutex::new(Shown::new(&map, &place)));
        let end = CancellationToken::new();
        let task =
            Task { client: self.client.clone(), tail: Arc::clone(&self.tail), shown: Arc::clone(&shown), place, map };
        tokio::spawn(end.clone().run_until_cancelled_owned(task.run()));
        Ok(LiveMap { shown, _task: end.drop_guard() })
    }
}

impl Look {
    /// The map, its changes, and the end when the showtime is cancelled.
    pub(crate) fn blocks(self, heartbeat: Duration, listening: Listening) -> impl Stream<Item = Bytes> + Send {
        let start = (self, Next::Whole, listening);
        let blocks = stream::unfold(start, move |(look, next, listening)| async move {
            let (blocks, next) = look.next(next, heartbeat).await?;
            Some((stream::iter(blocks), (look, next, listening)))
        });
        stream::once(ready(Bytes::from_static(RETRY.as_bytes()))).chain(blocks.flatten())
    }

    async fn next(&self, next: Next, heartbeat: Duration) -> Option<(Vec<Bytes>, Next)> {
        match next {
            Next::Whole => {
                let (blocks, changes) = lock(&self.shown).look();
                Some((blocks, changes.map_or(Next::End, Next::Change)))
            }
            Next::Change(mut changes) => match timeout(heartbeat, changes.recv()).await {
                Ok(Ok(block)) => Some((vec![block], Next::Change(changes))),
                // Who has missed a change gets the whole map again.
                Ok(Err(RecvError::Lagged(_))) => Some((Vec::new(), Next::Whole)),
                Ok(Err(RecvError::Closed)) => None,
                Err(_) => Some((vec![HEARTBEAT], Next::Change(changes))),
            },
            Next::End => None,
        }
    }
}

/// What somebody who looks at a map is sent next.
enum Next {
    Whole,
    Change(Receiver<Bytes>),
    End,
}

fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The map, with everything in it up to this place at least.
async fn ask(client: &Client, showtime_id: ShowtimeId, place: &Place) -> Result<SeatMap, Problem> {
    client.ask(&GetSeatMap { showtime_id }, &place.positions()).await
}

/// Keeps one map up to date.
struct Task {
    client: Client,
    tail: Arc<Tail>,
    shown: Arc<Mutex<Shown>>,
    place: Place,
    map: SeatMap,
}

impl Task {
    /// Whether an event may have changed the map. One of bookings that names no showtime is of a newer version.
    fn concerns(&self, entry: &Entry) -> bool {
        entry.showtime.map_or(entry.service == Service::Bookings, |showtime| showtime == self.map.showtime_id)
    }

    async fn run(mut self) {
        let mut reached = self.tail.watch();
        let mut failures = 0;
        while !is_cancelled(&self.map) {
            let place = match self.tail.behind(&self.place, EVENTS) {
                // So much has happened meanwhile that nobody knows any more whether it concerned this map.
                Behind::Gone(_) => self.tail.reach(&self.place).await.ok(),
                Behind::Kept(entries) if entries.is_empty() => match reached.changed().await {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                Behind::Kept(entries) => {
                    let end = entries.last().map(|(behind, _)| *behind).unwrap_or_default();
                    let concerned = entries.iter().any(|(_, entry)| self.concerns(entry));
                    if !concerned {
                        self.place = self.place.max(&end);
                        continue;
                    }
                    Some(end)
                }
            };
            let asked = match place {
                Some(place) => ask(&self.client, self.map.showtime_id, &place).await.map(|map| (place, map)),
                None => Err(Problem::new(Case::Unavailable, "the events are away")),
            };
            match asked {
                Ok((place, map)) => {
                    failures = 0;
                    self.place = place;
                    lock(&self.shown).change(&self.map, &map, &place);
                    self.map = map;
                }
                Err(problem) => {
                    failures += 1;
                    tracing::debug!(%problem, failures, "a seat map can't be kept up to date; trying again");
                    sleep(backoff(failures)).await;
                }
            }
        }
    }
}
