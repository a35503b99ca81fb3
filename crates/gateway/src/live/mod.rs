//! Server-sent events: what happens, as it happens.
//!
//! A [`tail`] follows the event streams and keeps the newest events, each written once ([`entry`]). A [`listener`] is a
//! [`place`] in there: it takes what lies behind, as far as it is [`wanted`] and the caller may see it ([`owners`] knows
//! whose a booking is), and as fast as the client reads; what is kept no more is read from the streams ([`history`]).
//! So a thousand listeners cost the memory of their connections, and a slow one costs nobody else anything. [`seats`] are
//! the seat maps that somebody looks at, [`shown`] is what they see. In [`room`] it is counted how many listen. What was
//! changed when is in [`changes`], for answers that are kept elsewhere.

mod changes;
mod entry;
mod history;
mod listener;
mod owners;
mod place;
mod room;
mod seats;
mod shown;
mod tail;
mod wanted;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::Problem;
use contracts::ids::ShowtimeId;
use futures_util::{Stream, StreamExt};
use runtime::client::Client;
use tokio_util::sync::CancellationToken;

use self::history::History;
use self::listener::Listener;
use self::owners::Owners;
pub(crate) use self::place::Place;
use self::room::Room;
use self::seats::SeatMaps;
use self::shown::CANCELLED;
use self::tail::Behind;
pub(crate) use self::tail::Tail;
use self::wanted::{Start, Wanted};
use crate::access::Caller;
use crate::edge::seconds;
use crate::gateway::Asking;
use crate::instead::Instead;
use crate::ordering::until;

/// The media type of server-sent events.
const EVENT_STREAM: &str = "text/event-stream";
/// Where a client that comes back says which event it had last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// After how many milliseconds a client comes back, when its stream has ended.
const RETRY: &str = "retry: 1000\n";

/// What the gateway can be told about server-sent events.
#[derive(Clone, Debug, clap::Args)]
pub struct LiveArgs {
    /// Streams of events and seat maps that may be open at a time; further ones are answered with 503
    #[arg(long, env = "MARQUEE_MAX_STREAMS", value_name = "NUMBER", default_value_t = 2000)]
    pub max_streams: u32,
    /// How many of them may be one account's, or one address's without one; further ones are answered with 429
    #[arg(long, env = "MARQUEE_MAX_STREAMS_PER_CALLER", value_name = "NUMBER", default_value_t = 50)]
    pub max_streams_per_caller: u32,
    /// Seconds after which a client that was sent nothing is sent a comment, so that both sides see that the other is
    /// still there
    #[arg(long, env = "MARQUEE_HEARTBEAT", value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub heartbeat: Duration,
}

/// All that listeners share.
pub(crate) struct Live {
    tail: Arc<Tail>,
    history: History,
    owners: Arc<Owners>,
    seats: SeatMaps,
    room: Arc<Room>,
    heartbeat: Duration,
    shutdown: CancellationToken,
}

impl Live {
    /// Follows the event streams from now on.
    pub(crate) fn start(args: &LiveArgs, jetstream: Context, client: Client, shutdown: CancellationToken) -> Arc<Self> {
        let owners = Arc::new(Owners::new(client.clone()));
        let tail = Tail::start(jetstream.clone(), Arc::clone(&owners));
        Arc::new(Self {
            history: History::new(jetstream, Arc::clone(&owners)),
            seats: SeatMaps::new(client, Arc::clone(&tail)),
            owners,
            tail,
            room: Room::new(args.max_streams, args.max_streams_per_caller),
            heartbeat: args.heartbeat,
            shutdown,
        })
    }

    /// The newest events.
    pub(crate) fn tail(&self) -> Arc<Tail> {
        Arc::clone(&self.tail)
    }

    /// Answers `GET /api/events`.
    ///
    /// # Errors
    /// For whoever has not signed in, for a filter or an id that can't be read, and when there is no room or no broker.
    pub(crate) async fn events(self: Arc<Self>, asking: Asking) -> Result<Response, Instead> {
        asking.caller.check_known()?;
        let wanted = Wanted::read(asking.uri.query().unwrap_or_default())?;
        let place = last_event_id(&asking)?;
        let listening = self.room.enter(&asking)?;
        let place = self.place(place, wanted.start).await?;
        let end = self.end(&asking);
        // Once more: that a key was taken back, a listener is told by an event behind its place, and it waited for that.
        let caller = Caller::of(&asking.headers, &asking.gateway).await?;
        let listener = Listener { live: self, caller, wanted, place, _listening: listening };
        Ok(stream(listener.blocks().take_until(end)))
    }

    /// Answers `GET /api/showtimes/{id}/seats` for whoever wants to follow it. A client that comes back to a cancelled
    /// showtime is answered with 204, at which browsers give up.
    ///
    /// # Errors
    /// When there is no such showtime, or no room, or the service does not answer.
    pub(crate) async fn seats(self: Arc<Self>, asking: Asking, showtime: ShowtimeId) -> Result<Response, Instead> {
        if asking.headers.get(LAST_EVENT_ID).is_some_and(|id| id == CANCELLED) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let listening = self.room.enter(&asking)?;
        let map = self.seats.open(showtime, &asking.least()).await?;
        let end = self.end(&asking);
        Ok(stream(map.blocks(self.heartbeat, listening).take_until(end)))
    }

    /// Where a listener starts.
    async fn place(&self, last: Option<Place>, start: Start) -> Result<Place, Problem> {
        let Some(place) = last else {
            let now = self.tail.reach(&Place::default()).await?;
            return self.history.start(start, now).await;
        };
        self.tail.reach(&place).await?;
        if let Behind::Gone(_) = self.tail.behind(&place, 0) {
            self.history.check(&place).await?;
        }
        Ok(place)
    }

    /// Returns when a stream has to end: because the process does, or what the caller came in with is no good any more.
    fn end(&self, asking: &Asking) -> impl Future<Output = ()> + Send + use<> {
        let (shutdown, good_until) = (self.shutdown.clone(), asking.caller.good_until);
        async move {
            let expired = async {
                match good_until {
                    Some(end) => tokio::time::sleep(until(end)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! { () = shutdown.cancelled() => {}, () = expired => {} }
        }
    }
}

/// The place that a client comes back to; `None` for one that has not been here.
fn last_event_id(asking: &Asking) -> Result<Option<Place>, Problem> {
    let Some(id) = asking.headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let place = id.to_str().map_err(|_| "must be the id of an event".to_owned()).and_then(str::parse);
    place.map(Some).map_err(|message| Problem::invalid("Last-Event-ID", message))
}

/// True for a client that wants server-sent events rather than one answer.
pub(crate) fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = crate::headers::list(headers, header::ACCEPT).unwrap_or_default();
    accepted.split(',').any(|range| range.split(';').next().is_some_and(|range| range.trim() == EVENT_STREAM))
}

/// A response of server-sent events. Proxies shall neither keep it nor hold it back.
fn stream(blocks: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, EVENT_STREAM),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(blocks.map(Ok::<_, Infallible>))).into_response()
}
