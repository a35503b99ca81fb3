//! One listener of `GET /api/events`: a place, and what may be seen from there.

use std::future::ready;
use std::sync::Arc;

use axum::body::Bytes;
use contracts::{Actor, Problem};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Live;
use super::entry::{Concerns, Entry};
use super::place::Place;
use super::room::Listening;
use super::tail::Behind;
use super::wanted::Wanted;
use crate::access::Caller;

/// Events that a listener takes at once.
const EVENTS: usize = 64;

/// A listener.
pub(crate) struct Listener {
    pub(crate) live: Arc<Live>,
    pub(crate) caller: Caller,
    pub(crate) wanted: Wanted,
    pub(crate) place: Place,
    pub(crate) _listening: Listening,
}

impl Listener {
    /// What is sent, without an end of its own but one: when the caller may not listen any more, or what they may see
    /// can't be told at the moment. Whoever comes back with the last id misses nothing.
    pub(crate) fn blocks(self) -> impl Stream<Item = Bytes> + Send {
        let start = Bytes::from(format!("{}id: {}\n\n", super::RETRY, self.place));
        let reached = self.live.tail.watch();
        let turn = Turn { heard: Instant::now(), over: false, reached, listener: self };
        let rest = stream::unfold(turn, async |mut turn| turn.next().await.map(|blocks| (stream::iter(blocks), turn)));
        stream::once(ready(start)).chain(rest.flatten())
    }

    /// True when the caller may see this event.
    async fn may_see(&self, entry: &Entry) -> Result<bool, Problem> {
        let actor = &self.caller.actor;
        Ok(match entry.concerns {
            Concerns::Everybody => true,
            Concerns::User(user) => actor.is_staff() || actor.is(user),
            Concerns::Access(user) => actor.is_admin() || user.is_some_and(|user| actor.is(user)),
            Concerns::Booking(..) if actor.is_staff() => true,
            Concerns::Booking(_, Some(user)) => actor.is(user),
            Concerns::Booking(booking, None) => match actor.user() {
                Some(user) => self.live.owners.of(booking, entry.position).await? == user,
                None => false,
            },
        })
    }

    /// True when this event takes from the caller what they came in with: their session has ended, or the key is
    /// revoked. A token alone would be good for some minutes more.
    fn is_put_out_by(&self, entry: &Entry) -> bool {
        let came_with = match &self.caller.actor {
            Actor::Key(id, _) => Some(id.0),
            _ => self.caller.session_id.map(|id| id.0),
        };
        came_with.is_some() && entry.ends == came_with
    }
}

/// A listener at work.
struct Turn {
    listener: Listener,
    reached: watch::Receiver<Option<Place>>,
    /// When the client was last sent something.
    heard: Instant,
    over: bool,
}

impl Turn {
    /// What is sent next, as soon as there is something; `None` at the end.
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        while !self.over {
            let live = &self.listener.live;
            let beat = self.heard + live.heartbeat;
            if Instant::now() >= beat {
                self.heard = Instant::now();
                return Some(vec![self.heartbeat()]);
            }
            let entries = match live.tail.behind(&self.listener.place, EVENTS) {
                Behind::Gone(service) => match live.history.read(service, self.listener.place).await {
                    Ok(entries) if !entries.is_empty() => entries,
                    // The broker is away, or has lost events that are still being written back.
                    other => {
                        tracing::debug!(error = ?other.err(), "a listener is cut off, because events can't be read");
                        return None;
                    }
                },
                Behind::Kept(entries) if entries.is_empty() => {
                    tokio::select! { changed = self.reached.changed() => changed.ok()?, () = sleep_until(beat) => {} }
                    continue;
                }
                Behind::Kept(entries) => entries,
            };
            let blocks = self.take(entries).await;
            if !blocks.is_empty() {
                self.heard = Instant::now();
                return Some(blocks);
            }
        }
        None
    }

    /// Moves on behind these entries; what is to be sent of them.
    async fn take(&mut self, entries: Vec<(Place, Arc<Entry>)>) -> Vec<Bytes> {
        let listener = &mut self.listener;
        let mut blocks = Vec::new();
        for (behind, entry) in entries {
            let shown = match listener.wanted.fits(&entry) {
                true => listener.may_see(&entry).await,
                false => Ok(false),
            };
            let Ok(shown) = shown else {
                self.over = true;
                break;
            };
            listener.place = listener.place.max(&behind);
            if shown {
                blocks.push(Bytes::from(format!("id: {}\n", listener.place)));
                blocks.push(entry.block.clone());
            }
            if listener.is_put_out_by(&entry) {
                self.over = true;
                break;
            }
        }
        blocks
    }

    /// A comment, and an id without an event: whoever comes back need not look again through what they were not shown.
    fn heartbeat(&self) -> Bytes {
        Bytes::from(format!(": heartbeat\nid: {}\n\n", self.listener.place))
    }
}
