//! Answers of the query services, kept until an event changes them, so that what many want is asked for once.
//!
//! An answer is kept under its question, with the position of the last event that could have changed it (the gateway
//! follows all event streams anyway, for its listeners). It is asked for as of that position at least. So nothing has to
//! be thrown away when something happens: whoever asks the same again finds that the answer is of before, and puts the next
//! in its place. Whoever has seen more than the streams have brought here yet asks the service. Requests for an answer that
//! is missing share one question, and who can't have it in time is told so. While a service is away, what is kept of it is
//! still answered: it is as new as ever.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::ids::{BookingId, ShowtimeId, UserId};
use contracts::{Case, Problem, Query, Service};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, EntryAction, EntryResult};
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
    answers: Answers,
}

struct Answers(Cache<Question, Kept, Weight>);

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

/// What is asked.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    service: Service,
    name: &'static str,
    payload: Vec<u8>,
}

#[derive(Clone)]
struct Kept {
    /// The last event that could have changed it.
    changed: Place,
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
        Self { tail, answers: Answers::new() }
    }
}

impl Answers {
    fn new() -> Self {
        let items = usize::try_from(BYTES).unwrap_or_default() / USUAL;
        Self(Cache::with_weighter(items, BYTES, Weight))
    }

    /// What is kept, unless something has `changed` it since then; else what is answered to `ask` as of the last change, which
    /// is kept instead. In its place: what is read often stays, as long as it is, and no answer of before takes room from it.
    async fn kept<F>(
        &self,
        question: &Question,
        changed: impl Fn() -> Place,
        ask: impl FnOnce(Place) -> F,
    ) -> Result<Kept, Problem>
    where
        F: Future<Output = Result<Kept, Problem>>,
    {
        let wanted = changed();
        let is_new = |kept: &Kept| kept.changed.covers(&wanted);
        // Most are, and to look here locks nobody out.
        if let Some(kept) = self.0.get(question).filter(is_new) {
            return Ok(kept);
        }
        let entry = self.0.entry_async(question, |_, kept| {
            if is_new(kept) { EntryAction::Retain(kept.clone()) } else { EntryAction::ReplaceWithGuard }
        });
        match entry.await {
            EntryResult::Retained(kept) => Ok(kept),
            EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => {
                // Again, for those who have begun to wait since then.
                let kept = ask(changed()).await?;
                // It is refused only where it was forgotten meanwhile.
                let _ = guard.insert(kept.clone());
                Ok(kept)
            }
            EntryResult::Removed(..) | EntryResult::Timeout => {
                Err(Problem::new(Case::Internal, "an answer was neither kept nor asked for"))
            }
        }
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

    /// The last event that could have changed it, as far as the streams have come.
    fn changed(self, tail: &Tail) -> Place {
        let mut changed = Place::default();
        changed.set(Service::Movies, tail.reached().unwrap_or_default().get(Service::Movies));
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
        let recall = &self.gateway.recall;
        if self.reached(of.services()).is_none() {
            return Ok(Arc::new(Answer::new(self.ask(query).await?)));
        }
        let internal = |error: serde_json::Error| Problem::new(Case::Internal, error.to_string());
        let payload = serde_json::to_vec(query).map_err(internal)?;
        let question = Question { service: Q::SERVICE, name: Q::NAME, payload };
        let ask = async |changed: Place| {
            let value = self.gateway.client.ask(query, &changed.positions()).await?;
            let bytes = serde_json::to_vec(&value).map_err(internal)?.len();
            Ok(Kept { changed, bytes, answer: Arc::new(Answer::new(value)) })
        };
        let kept = shared(recall.answers.kept(&question, || of.changed(&recall.tail), ask)).await?;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Asks for so many answers, which were last changed there; how many of them had to be asked for.
    async fn asked(answers: &Answers, count: u64, changed: u64) -> usize {
        let asked = Cell::new(0);
        for number in 0..count {
            let question =
                Question { service: Service::Bookings, name: "booking", payload: number.to_be_bytes().into() };
            let ask = async |changed: Place| {
                asked.set(asked.get() + 1);
                Ok(Kept { changed, bytes: 1000, answer: Arc::new(changed) })
            };
            let kept = answers.kept(&question, || format!("u0.m1.b{changed}").parse().unwrap(), ask).await.unwrap();
            assert!(kept.changed.get(Service::Bookings) >= changed);
        }
        asked.get()
    }

    #[tokio::test]
    async fn answers_of_before_take_no_room_from_new_ones() {
        let answers = Answers::new();
        // Two thirds of what fits.
        let count = BYTES / 1000 / COPIES as u64 * 2 / 3;
        for changed in [1, 2, 3] {
            let first = asked(&answers, count, changed).await;
            assert_eq!(first, count as usize, "all have changed");
            for _ in 0..3 {
                assert_eq!(asked(&answers, count, changed).await, 0);
            }
        }
        assert_eq!(asked(&answers, count, 2).await, 0, "newer ones will do");
    }

    #[tokio::test]
    async fn who_waits_for_an_answer_gets_one_that_is_new_enough() {
        let answers = Answers::new();
        let question = Question { service: Service::Bookings, name: "seats", payload: Vec::new() };
        let (now, asked) = (Cell::new(1_u64), Cell::new(0));
        let changed = || format!("u0.m1.b{}", now.get()).parse().unwrap();
        let ask = async |changed: Place| {
            asked.set(asked.get() + 1);
            tokio::task::yield_now().await;
            Ok(Kept { changed, bytes: 0, answer: Arc::new(()) })
        };
        let one = async {
            let wanted: Place = changed();
            let kept = answers.kept(&question, changed, ask).await.unwrap();
            assert!(kept.changed.covers(&wanted));
        };
        let later = async {
            now.set(now.get() + 1);
            let wanted: Place = changed();
            let kept = answers.kept(&question, changed, ask).await.unwrap();
            assert!(kept.changed.covers(&wanted));
        };
        let latest = async {
            now.set(now.get() + 1);
            let kept = answers.kept(&question, changed, ask).await.unwrap();
            assert!(kept.changed.covers(&changed()));
        };
        tokio::join!(one, later, latest);
        assert_eq!(asked.get(), 2, "what is asked for the second is new enough for the third");
    }
}
