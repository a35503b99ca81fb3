//! What users and movies said of users and showtimes. All that one of them said of one state of its is so as long as that
//! stays its state: it is asked only of what it has not spoken yet, and not at all while it has promised to change nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::ids::{HallId, ShowtimeId, UserId};
use contracts::layout::{Layout, Seat};
use contracts::showtimes::{CheckShowtime, CheckShowtimes, CheckedShowtime, CheckedShowtimes, Showtime};
use contracts::users::CheckUsers;
use contracts::{AsOf, Positions, Problem, Query, Service};
use lru::LruCache;
use metrics::counter;
use runtime::client::Client;
use runtime::figures;
use tokio::time::Instant;

/// Users and showtimes that are remembered. Of layouts an answer has no more than some sixty kilobytes.
const USERS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
const SHOWTIMES: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// When no more than this is left of a promise, it is asked for the next, while the one before is made use of.
const SOON: Duration = Duration::from_millis(10);

/// How long it is remembered that nobody has confirmed: shorter than it takes to bring a store back from a backup, whose state
/// might be counted like one that there was.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What they said.
pub struct Memory {
    /// Those who may book.
    users: Told<UserId, ()>,
    showtimes: Told<ShowtimeId, Offer>,
}

/// A showtime, and its hall's layout.
type Offer = (Arc<Showtime>, Arc<Layout>);

impl Default for Memory {
    fn default() -> Self {
        Self { users: Told::new(USERS), showtimes: Told::new(SHOWTIMES) }
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those of these users who may book; they are asked about `afresh` whatever holds.
///
/// # Errors
/// When the users service has to be asked and does not answer.
pub(crate) async fn users(
    client: &Client,
    memory: &Arc<Mutex<Memory>>,
    wanted: BTreeSet<UserId>,
    afresh: bool,
) -> Result<BTreeSet<UserId>, Problem> {
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let recalled = lock(memory).users.recall(wanted.iter().copied(), afresh);
    count(Service::Users, recalled.unknown.is_some());
    let ask = |users| async move { client.ask(&CheckUsers { users }, &Positions::default()).await };
    let (mut known, said, renew) = recalled.completed(wanted, ask, |checked| checked.as_of).await?;
    if let Some((asked, checked)) = said {
        lock(memory).users.learn(asked, checked.as_of, checked.may_book.iter().map(|id| (*id, ())));
        known.extend(checked.may_book.into_iter().map(|id| (id, ())));
    }
    if renew {
        let query = CheckUsers { users: Vec::new() };
        let learn = |memory: &mut Memory, asked, as_of| memory.users.renew(asked, as_of);
        ask_again(client, memory, query, |checked| checked.as_of, learn);
    }
    Ok(known.into_keys().collect())
}

/// Those of these showtimes that exist, with what is known of the wanted seats of each; they are asked about `afresh`
/// whatever holds.
///
/// # Errors
/// When the movies service has to be asked and does not answer.
pub(crate) async fn showtimes(
    client: &Client,
    memory: &Arc<Mutex<Memory>>,
    wanted: BTreeMap<ShowtimeId, BTreeSet<Seat>>,
    afresh: bool,
) -> Result<HashMap<ShowtimeId, Arc<CheckedShowtime>>, Problem> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let recalled = lock(memory).showtimes.recall(wanted.keys().copied(), afresh);
    count(Service::Movies, recalled.unknown.is_some());
    let ask = |ids| ask_showtimes(client, &wanted, ids);
    let (known, said, renew) = recalled.completed(wanted.keys().copied(), ask, |said| said.as_of).await?;
    let mut checked = HashMap::with_capacity(wanted.len());
    if let Some((asked, said)) = said {
        let layouts: HashMap<HallId, Arc<Layout>> =
            said.layouts.into_iter().map(|(id, layout)| (id, Arc::new(layout))).collect();
        let offers = said.showtimes.iter().filter_map(|checked| {
            let layout = layouts.get(&checked.showtime.hall.id)?;
            Some((checked.showtime.id, (Arc::clone(&checked.showtime), Arc::clone(layout))))
        });
        lock(memory).showtimes.learn(asked, said.as_of, offers);
        checked.extend(said.showtimes.into_iter().map(|checked| (checked.showtime.id, Arc::new(checked))));
    }
    if renew {
        let query = CheckShowtimes { showtimes: Vec::new() };
        let learn = |memory: &mut Memory, asked, as_of| memory.showtimes.renew(asked, as_of);
        ask_again(client, memory, query, |checked| checked.as_of, learn);
    }
    for (id, (showtime, layout)) in known {
        let seats = wanted.get(&id).map(|seats| CheckedShowtime::new(showtime, &layout, seats));
        checked.extend(seats.map(|checked| (id, Arc::new(checked))));
    }
    Ok(checked)
}

async fn ask_showtimes(
    client: &Client,
    wanted: &BTreeMap<ShowtimeId, BTreeSet<Seat>>,
    ids: Vec<ShowtimeId>,
) -> Result<CheckedShowtimes, Problem> {
    let seats = |id| wanted.get(&id).cloned().unwrap_or_default();
    let showtimes = ids.into_iter().map(|id| CheckShowtime { id, seats: seats(id) }).collect();
    client.ask(&CheckShowtimes { showtimes }, &Positions::default()).await
}

/// Asks, on the side, for how long the state will be what it is.
fn ask_again<Q: Query>(
    client: &Client,
    memory: &Arc<Mutex<Memory>>,
    query: Q,
    as_of: fn(Q::Reply) -> Option<AsOf>,
    learn: fn(&mut Memory, Instant, Option<AsOf>),
) {
    let (client, memory) = (client.clone(), Arc::clone(memory));
    tokio::spawn(async move {
        let asked = Instant::now();
        let as_of = client.ask(&query, &Positions::default()).await.ok().and_then(as_of);
        learn(&mut lock(&memory), asked, as_of);
    });
}

fn count(service: Service, asked: bool) {
    let way = if asked { "asked" } else { "held" };
    counter!(figures::FACTS, "service" => service.name(), "way" => way).increment(1);
}

fn is_still(before: Option<AsOf>, now: Option<AsOf>) -> bool {
    before.zip(now).is_some_and(|(before, now)| before.same_state(&now))
}

/// What one service said of one state of its.
struct Told<K: Hash + Eq, V> {
    as_of: Option<AsOf>,
    /// Until then, that is its state.
    holds: Instant,
    /// Whether it is being asked for how long it will be, or was and is promised less than [`SOON`]: then no more is promised
    /// until that is over.
    renewing: bool,
    said: LruCache<K, V>,
}

/// What is known of what is wanted.
#[derive(Debug, PartialEq)]
struct Recalled<K: Hash + Eq, V> {
    known: HashMap<K, V>,
    /// What has to be asked for, to be sure of the known as well; `None` when nothing has.
    unknown: Option<Vec<K>>,
    /// What is known is of this state.
    as_of: Option<AsOf>,
    /// Whether it is time to ask for how long that will be the state.
    renew: bool,
}

impl<K: Hash + Eq, V> Recalled<K, V> {
    /// What is known for sure; what was asked for and when, if anything was; and whether to ask for how long it holds. When the
    /// state no longer is what was remembered, all that is `wanted` is asked for.
    async fn completed<R, F: Future<Output = Result<R, Problem>>>(
        self,
        wanted: impl IntoIterator<Item = K>,
        ask: impl Fn(Vec<K>) -> F,
        as_of: fn(&R) -> Option<AsOf>,
    ) -> Result<(HashMap<K, V>, Option<(Instant, R)>, bool), Problem> {
        let Self { mut known, unknown, as_of: before, renew } = self;
        let Some(unknown) = unknown else { return Ok((known, None, renew)) };
        let mut asked = Instant::now();
        let mut said = ask(unknown).await?;
        if !known.is_empty() && !is_still(before, as_of(&said)) {
            known.clear();
            asked = Instant::now();
            said = ask(wanted.into_iter().collect()).await?;
        }
        Ok((known, Some((asked, said)), renew))
    }
}

impl<K: Hash + Eq, V: Clone> Told<K, V> {
    fn new(most: NonZeroUsize) -> Self {
        Self { as_of: None, holds: Instant::now(), renewing: false, said: LruCache::new(most) }
    }

    fn recall(&mut self, wanted: impl Iterator<Item = K>, afresh: bool) -> Recalled<K, V> {
        let now = Instant::now();
        if self.holds + REMEMBERED < now {
            self.said.clear();
        }
        let (mut known, mut unknown) = (HashMap::new(), Vec::new());
        for key in wanted {
            match self.said.get(&key) {
                Some(said) => drop(known.insert(key, said.clone())),
                None => unknown.push(key),
            }
        }
        let holds = self.holds.saturating_duration_since(now);
        let sure = !afresh && unknown.is_empty() && !holds.is_zero();
        let renew = sure && holds < SOON && !self.renewing;
        self.renewing |= renew;
        Recalled { known, unknown: (!sure).then_some(unknown), as_of: self.as_of, renew }
    }

    /// Learns what was `asked` for then.
    fn learn(&mut self, asked: Instant, as_of: Option<AsOf>, said: impl Iterator<Item = (K, V)>) {
        let Some(now) = as_of else { return };
        if !is_still(self.as_of, as_of) {
            self.said.clear();
            self.as_of = as_of;
            self.holds = asked;
        }
        self.holds = self.holds.max(asked + now.holds());
        self.renewing &= now.holds() < SOON;
        said.for_each(|(key, said)| drop(self.said.put(key, said)));
    }

    fn renew(&mut self, asked: Instant, as_of: Option<AsOf>) {
        self.renewing = as_of.is_some();
        self.learn(asked, as_of, std::iter::empty());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOLDS: u64 = 20;

    fn as_of(changes: u64) -> Option<AsOf> {
        Some(AsOf { position: 7, changes, holds_ms: HOLDS })
    }

    fn told() -> Told<&'static str, u8> {
        Told::new(NonZeroUsize::new(2).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn what_holds_need_not_be_asked_for() {
        let mut told = told();
        let begun = Instant::now();
        assert_eq!(told.recall(["a"].into_iter(), false).unknown, Some(vec!["a"]));
        tokio::time::advance(Duration::from_millis(5)).await;
        told.learn(begun, as_of(1), [("a", 1)].into_iter());
        let known = told.recall(["a"].into_iter(), false);
        assert_eq!(known, Recalled { known: [("a", 1)].into(), unknown: None, as_of: as_of(1), renew: false });
        assert_eq!(told.recall(["a"].into_iter(), true).unknown, Some(vec![]), "whether it is still so");
        assert_eq!(told.recall(["a", "b"].into_iter(), false).unknown, Some(vec!["b"]));
        tokio::time::advance(Duration::from_millis(15)).await;
        let known = told.recall(["a"].into_iter(), false);
        assert_eq!((known.known, known.unknown), ([("a", 1)].into(), Some(vec![])), "whether it is still so");
        told.learn(Instant::now(), as_of(1), std::iter::empty());
        assert_eq!(told.recall(["a"].into_iter(), false).unknown, None);
        tokio::time::advance(REMEMBERED + Duration::from_millis(HOLDS + 1)).await;
        assert_eq!(told.recall(["a"].into_iter(), false).unknown, Some(vec!["a"]), "too long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_of_another_state_is_forgotten() {
        let mut told = told();
        told.learn(Instant::now(), as_of(1), [("a", 1)].into_iter());
        told.learn(Instant::now(), as_of(2), [("b", 2)].into_iter());
        let known = told.recall(["a", "b"].into_iter(), false);
        assert_eq!(known.known, [("b", 2)].into());
        assert_eq!((known.unknown, known.as_of), (Some(vec!["a"]), as_of(2)));
        told.learn(Instant::now(), None, [("a", 1)].into_iter());
        assert_eq!(told.recall(["a"].into_iter(), false).unknown, Some(vec!["a"]), "nobody knows of when that is");
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_hold_for_long_is_asked_for_once() {
        let mut told = told();
        let begun = Instant::now();
        told.learn(begun, as_of(1), [("a", 1)].into_iter());
        tokio::time::advance(Duration::from_millis(HOLDS) - SOON + Duration::from_millis(1)).await;
        let mut renew = || told.recall(["a"].into_iter(), false).renew;
        assert_eq!([renew(), renew()], [true, false]);
        told.renew(Instant::now(), None);
        assert!(told.recall(["a"].into_iter(), false).renew, "nobody answered");
        let not_for_long = AsOf { position: 7, changes: 1, holds_ms: HOLDS / 4 };
        told.renew(Instant::now(), Some(not_for_long));
        assert!(!told.recall(["a"].into_iter(), false).renew, "no more is promised now");
        tokio::time::advance(SOON).await;
        assert_eq!(told.recall(["a"].into_iter(), false).unknown, Some(vec![]));
        told.learn(Instant::now(), as_of(1), std::iter::empty());
        tokio::time::advance(Duration::from_millis(HOLDS) - SOON + Duration::from_millis(1)).await;
        assert!(told.recall(["a"].into_iter(), false).renew, "another promise");
        told.renew(Instant::now(), as_of(1));
        tokio::time::advance(SOON).await;
        let known = told.recall(["a"].into_iter(), false);
        assert_eq!((known.unknown, known.renew), (None, false));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(told.recall(["a"].into_iter(), false).renew);
        let asked = Instant::now();
        tokio::time::advance(SOON + Duration::from_millis(1)).await;
        told.renew(asked, as_of(1));
        assert!(told.recall(["a"].into_iter(), false).renew, "an answer that took long, but promises more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_promise_of_another_state_does_not_count() {
        let mut told = told();
        told.learn(Instant::now(), as_of(1), [("a", 1)].into_iter());
        let nothing = AsOf { position: 7, changes: 2, holds_ms: 0 };
        told.learn(Instant::now(), Some(nothing), [("a", 2)].into_iter());
        assert_eq!(told.recall(["a"].into_iter(), false).unknown, Some(vec![]));
    }
}
