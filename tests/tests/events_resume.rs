//! Coming back to `GET /api/events`: whatever breaks off, nothing is missed, nothing comes twice, all is in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::Service;
use futures_util::future::join_all;
use system_tests::{Api, Block, Broker, Cinema, Listening, samples};
use tokio::task::JoinHandle;
use tokio::time::interval;

/// What is followed: a load of the users service, which is the cheapest to make.
const PATH: &str = "/api/events?service=users";

/// Somebody who is cut off after a varying number of events and comes back each time, until told to stop.
struct Follower {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<Block>>,
}

impl Follower {
    /// With another cut for each seed.
    fn start(api: &Api, mut last_id: String, seed: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (api, stopped) = (api.clone(), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let (mut told, mut cut) = (Vec::new(), seed);
            let mut pause = interval(Duration::from_millis(50));
            while !stopped.load(Ordering::Relaxed) {
                pause.tick().await;
                // The gateway may be away, or may not have caught up yet.
                let Ok(mut listening) = Listening::try_open(&api, PATH, &last_id).await else { continue };
                cut = (cut * 31 + 7) % 41;
                for _ in 0..=cut {
                    let Some(event) = listening.next().await else { break };
                    last_id.clone_from(&listening.last_id);
                    let is_last = event.event == "user-deleted.v1";
                    told.push(event);
                    if is_last {
                        return told;
                    }
                }
            }
            told
        });
        Self { stop, task }
    }

    async fn finish(self) -> Vec<Block> {
        let told = self.task.await.expect("a follower that ends");
        self.stop.store(true, Ordering::Relaxed);
        told
    }
}

/// Where the newest event is.
async fn now(api: &Api) -> String {
    Listening::open(api, PATH).await.block().await.expect("a start").id.expect("an id")
}

/// The positions of what was told, in the users service's journal.
fn positions(told: &[Block]) -> Vec<u64> {
    told.iter().map(Block::users_position).collect()
}

/// Registers users until a sign is given.
fn register(api: &Api) -> (Arc<AtomicBool>, JoinHandle<usize>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (api, stopped) = (api.clone(), Arc::clone(&stop));
    let task = tokio::spawn(async move {
        let mut registered = 0;
        while !stopped.load(Ordering::Relaxed) {
            let request = api.request(reqwest::Method::POST, "/api/users").json(&samples::user());
            if api.try_send(request).await.is_ok_and(|answer| answer.status == 201) {
                registered += 1;
            }
        }
        registered
    });
    (stop, task)
}

/// All that was told must be what the stream has, from the position on that the followers started at.
async fn check(broker: &Broker, start: &str, told: &[Block]) {
    let first = start.split('.').next().and_then(|part| part.strip_prefix('u')?.parse::<u64>().ok()).unwrap();
    let found = positions(told);
    let last = *found.last().expect("something");
    assert_eq!(found, (first + 1..=last).collect::<Vec<_>>());
    let events = broker.events(Service::Users, last).await;
    for (block, event) in told.iter().zip(events.iter().filter(|event| event.sequence > first)) {
        assert_eq!(block.data["id"], event.attributes["id"]);
        assert_eq!(block.data["data"], event.data);
    }
}

/// Somebody is followed through whatever happens to the cinema; their end is the end of a user.
async fn holds_through(cinema: &mut Cinema, trouble: impl AsyncFnOnce(&mut Cinema)) {
    let (start, last) = (now(&cinema.api).await, cinema.user().await);
    let followers: Vec<Follower> = (0..8).map(|seed| Follower::start(&cinema.api, start.clone(), seed)).collect();
    let (stop, registering) = register(&cinema.api);
    trouble(cinema).await;
    stop.store(true, Ordering::Relaxed);
    assert!(registering.await.unwrap() > 10, "there was a load");
    cinema.api.delete(&format!("/api/users/{last}")).await.expect(204);
    let broker = cinema.broker().await;
    for told in join_all(followers.into_iter().map(Follower::finish)).await {
        check(&broker, &start, &told).await;
    }
}

/// Waits until so many more users are registered.
async fn some_more(cinema: &Cinema) {
    let broker = cinema.broker().await;
    let before = broker.last_sequence(Service::Users).await;
    system_tests::eventually("more users", async || {
        (broker.last_sequence(Service::Users).await > before + 60).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_comes_back_goes_on_where_they_were() {
    let mut cinema = Cinema::start().await;
    holds_through(&mut cinema, async |cinema| {
        some_more(cinema).await;
        cinema.kill("gateway").await;
        cinema.start_again("gateway").await;
        some_more(cinema).await;
    })
    .await;
    holds_through(&mut cinema, async |cinema| {
        some_more(cinema).await;
        cinema.restart_broker().await;
        some_more(cinema).await;
    })
    .await;
    holds_through(&mut cinema, async |cinema| {
        some_more(cinema).await;
        cinema.wipe_broker().await;
        some_more(cinema).await;
    })
    .await;

    // Another gateway, which has kept fewer than there are, tells the same from the beginning.
    let users = system_tests::eventually("a history", async || {
        join_all((0..20).map(|_| cinema.user())).await;
        let last = cinema.broker().await.last_sequence(Service::Users).await;
        (last > 600).then_some(last)
    })
    .await;
    let other = cinema.add_gateway("other").await;
    let mut listening = Listening::open(&other, &format!("{PATH}&from=beginning")).await;
    let told = listening.take(usize::try_from(users).unwrap()).await;
    check(&cinema.broker().await, "u0.m0.b0", &told).await;

    // And an id of one gateway is good at the other.
    let mut first = Listening::open_behind(&cinema.api, PATH, told[users as usize / 2].id.as_deref().unwrap()).await;
    let rest = first.take(told.len() - users as usize / 2 - 1).await;
    assert_eq!(positions(&rest), positions(&told[users as usize / 2 + 1..]));
}
