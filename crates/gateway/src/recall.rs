//! Answers of the query services, kept until an event changes them, so that what many want is asked for once.
//!
//! An answer is kept under its question *and* the position of the last event that could have changed it (the gateway
//! follows all event streams anyway, for its listeners). It is asked for as of that position at least. So nothing has to
//! be thrown away: when something happens, the same question is another key, and the old answer is pushed out in time.
//! Whoever has seen more than the streams have brought here yet asks the service. Requests for an answer that is
//! missing share one question, and who can't have it in time is told so. While a service is away, what is kept of it is
//! still answered: it is as new as ever.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::{Case, Problem, Query, Service};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use runtime::client::PATIENCE;
use tokio::time::timeout;

use crate::gateway::Asking;
use crate::live::{Place, Tail};
use crate::representation::Shown;

/// How much is kept, in bytes, about.
const BYTES: u64 = 3 << 20;
/// What the value of an answer and what is shown of it take, as a multiple of its JSON, about.
const COPIES: usize = 3;
/// How large an answer is expected to be.
const USUAL: usize = 4 << 10;
/// How long anybody waits for an answer that several ask for: a little longer than one question takes at most.
const LONGEST: Duration = PATIENCE.saturating_add(Duration::from_millis(500));

/// The answers that are kept.
pub(crate) struct Recall {
    tail: Arc<Tail>,
    answers: Cache<Question, Kept, Weight>,
}

/// What an answer is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// Movies, halls and showtimes. They change seldom, so that any event of theirs changes all.
    Programme,
    /// The programme and the bookings of a showtime.
    Bookings(ShowtimeId),
    /// The programme and a booking.
    Booking(BookingId),
}

/// A question, and the last event that could have changed its answer.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    service: Service,
    name: &'static str,
    payload: Vec<u8>,
    changed: Place,
}

#[derive(Clone)]
struct Kept {
    bytes: usize,
    /// An [`Answer`] to the question that it is kept under.
    answer: Arc<dyn Any + Send + Sync>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Question, Kept> for Weight {
    fn weight(&self, question: &Question, kept: &Kept) -> u64 {
        u64::try_from(question.payload.len() + kept.bytes * COPIES).unwrap_or(u64::MAX)
    }
}

/// An answer, and how it was shown last.
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    shown: Mutex<Option<(String, Shown)>>,
}

impl<T> Answer<T> {
    fn new(value: T) -> Self {
        Self { value, shown: Mutex::new(None) }
    }

    /// How it was shown, when that was `so`.
    pub(crate) fn shown(&self, so: &str) -> Option<Shown> {
        self.lock().as_ref().filter(|(before, _)| before == so).map(|(_, shown)| shown.clone())
    }

    /// Keeps how it is shown when that is `so`.
    pub(crate) fn keep(&self, so: &str, shown: &Shown) {
        *self.lock() = Some((so.to_owned(), shown.compact()));
    }

    /// How it is shown `so`; `show` is asked the first time.
    ///
    /// # Errors
    /// Those of `show`.
    pub(crate) fn show(&self, so: &str, show: impl FnOnce(&T) -> Result<Shown, Problem>) -> Result<Shown, Problem> {
        if let Some(shown) = self.shown(so) {
            return Ok(shown);
        }
        let shown = show(&self.value)?;
        self.keep(so, &shown);
        Ok(shown)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(String, Shown)>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for what one asks and several get. When it can't be had, the next of them asks; without an end the last would wait
/// until all others had asked in vain.
///
/// # Errors
/// Those of whoever asks, and [`Case::Unavailable`].
pub(crate) async fn shared<T>(asked: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let late = |_| Err(Problem::new(Case::Unavailable, "what is asked for can't be had at the moment"));
    timeout(LONGEST, asked).await.unwrap_or_else(late)
}

impl Recall {
    /// Nothing yet. What changes is seen by `tail`.
    pub(crate) fn new(tail: Arc<Tail>) -> Self {
        let items = usize::try_from(BYTES).unwrap_or_default() / USUAL;
        Self { tail, answers: Cache::with_weighter(items, BYTES, Weight) }
    }
}

impl Of {
    /// Whose events can change it.
    fn services(self) -> &'static [Service] {
        match self {
            Self::Programme => &[Service::Movies],
            Self::Bookings(_) | Self::Booking(_) => &[Service::Movies, Service::Bookings],
        }
    }

    fn changed(self, reached: &Place, tail: &Tail) -> Place {
        let mut changed = Place::default();
        changed.set(Service::Movies, reached.get(Service::Movies));
        match self {
            Self::Programme => {}
            Self::Bookings(showtime) => changed.set(Service::Bookings, tail.changes().booking(showtime.0)),
            Self::Booking(id) => changed.set(Service::Bookings, tail.changes().booking(id.0)),
        }
        changed
    }
}

impl Asking {
    /// The answer, kept or asked for; not older than what the caller has seen.
    ///
    /// # Errors
    /// Those of the query, which are not kept.
    pub(crate) async fn recall<Q>(&self, query: &Q, of: Of) -> Result<Arc<Answer<Q::Reply>>, Problem>
    where
        Q: Query,
        Q::Reply: Sync,
    {
        let Recall { tail, answers } = &self.gateway.recall;
        let Some(reached) = self.reached(of.services()) else {
            return Ok(Arc::new(Answer::new(self.ask(query).await?)));
        };
        let internal = |error: serde_json::Error| Problem::new(Case::Internal, error.to_string());
        let payload = serde_json::to_vec(query).map_err(internal)?;
        let changed = of.changed(&reached, tail);
        let question = Question { service: Q::SERVICE, name: Q::NAME, payload, changed };
        let asked = async {
            let value = self.gateway.client.ask(query, &changed.positions()).await?;
            let bytes = serde_json::to_vec(&value).map_err(internal)?.len();
            Ok::<_, Problem>(Kept { bytes, answer: Arc::new(Answer::new(value)) })
        };
        let kept = shared(answers.get_or_insert_async(&question, asked)).await?;
        kept.answer.downcast().map_err(|_| Problem::new(Case::Internal, "an answer to another question was kept"))
    }

    /// Where for each of these users the last event was that names them; `None` when the caller has seen more of the
    /// users service than has come here yet.
    pub(crate) fn users_changed(&self) -> impl Fn(UserId) -> Option<u64> {
        let changes = self.reached(&[Service::Users]).map(|_| self.gateway.recall.tail.changes());
        move |user| changes.map(|changes| changes.user(user.0))
    }

    /// A position that the users service has committed: what is asked now is at least as new. What the caller says that
    /// they have seen doesn't count; it may be anything.
    pub(crate) fn users_known(&self) -> u64 {
        let reached = self.gateway.recall.tail.reached().unwrap_or_default();
        reached.max(&self.gateway.seen.least(&self.reader())).get(Service::Users)
    }

    /// How far the event streams have come, when that is at least as far as what the caller has seen of these services.
    /// While the broker is away nobody knows what happens, and nothing is kept.
    fn reached(&self, services: &[Service]) -> Option<Place> {
        let least = self.least();
        let is_enough = |reached: &Place| services.iter().all(|of| reached.get(*of) >= least.get(*of));
        let reached = self.gateway.recall.tail.reached().filter(is_enough);
        reached.filter(|_| self.gateway.client.is_connected())
    }
}
