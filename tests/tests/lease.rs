//! Other services are answered from what is kept, without a look at the store, while nobody else can write.

use std::time::Duration;

use contracts::Service;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use marquee::servers::NatsUser;
use serde_json::{Value, json};
use system_tests::{Broker, Cinema, eventually};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How often it is tried to find a process with a lease.
const TRIES: usize = 50;
/// How many promises are looked at that end with a write, and how long that may take.
const PROMISES: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// As the bookings service asks.
async fn asking(cinema: &Cinema) -> Broker {
    cinema.broker_as(NatsUser::Service(Service::Bookings)).await
}

/// What the users service says of whether this user may book.
async fn check(broker: &Broker, user: &str) -> Value {
    let question = json!({ "users": [user] }).to_string();
    let (answer, error) = broker.request("cinema.rpc.users.check", question.as_bytes()).await;
    assert_eq!(error, None, "{answer}");
    answer
}

/// Whether the users service says that this user may book.
async fn may_book(broker: &Broker, user: &str) -> bool {
    check(broker, user).await["may_book"].as_array().is_some_and(|users| users.contains(&Value::from(user)))
}

/// Asks again and again.
async fn ask_on(cinema: &Cinema, user: &str) -> JoinHandle<()> {
    let (broker, user) = (asking(cinema).await, user.to_owned());
    tokio::spawn(async move {
        loop {
            assert!(may_book(&broker, &user).await);
        }
    })
}

async fn store(cinema: &Cinema) -> AsyncMysqlConnection {
    AsyncMysqlConnection::establish(&cinema.database.urls()[&Service::Users]).await.expect("a store")
}

/// Whether nobody has the head of the users service's journal locked.
async fn is_free(store: &mut AsyncMysqlConnection) -> bool {
    store.batch_execute("SELECT position FROM journal_head FOR UPDATE NOWAIT").await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_often_need_not_ask_the_store() {
    let cinema = Cinema::start().await;
    let (user, broker) = (cinema.user().await, asking(&cinema).await);
    let leases =
        async |result: &str| cinema.figure("users", "marquee_leases_total", &[&format!("result=\"{result}\"")]).await;
    assert!(may_book(&broker, &user).await);
    assert_eq!(leases("taken").await, 0.0, "nobody asks often");
    for _ in 0..300 {
        assert!(may_book(&broker, &user).await);
    }
    let taken = leases("taken").await;
    assert!((1.0..150.0).contains(&taken), "{taken} leases for 300 questions");
    assert_eq!(leases("refused").await, 0.0);
    let mut store = store(&cinema).await;
    eventually("a lease that is given back, though nobody asks", async || is_free(&mut store).await.then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_replica_writes_counts_at_once() {
    let mut cinema = Cinema::start().await;
    cinema.add_replica(Service::Users, "users-2").await;
    let (somebody, broker) = (cinema.user().await, asking(&cinema).await);
    let asked = ask_on(&cinema, &somebody).await;
    for _ in 0..20 {
        let user = cinema.user().await;
        for _ in 0..4 {
            assert!(may_book(&broker, &user).await, "who is there may book");
        }
        cinema.api.delete(&format!("/api/users/{user}")).await.expect(204);
        for _ in 0..4 {
            assert!(!may_book(&broker, &user).await, "who is not there any more may not");
        }
    }
    assert!(!asked.is_finished());
    asked.abort();
    let mut taken = 0.0;
    for replica in ["users", "users-2"] {
        taken += cinema.figure(replica, "marquee_leases_total", &["result=\"taken\""]).await;
    }
    assert!(taken > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_while_it_is_promised() {
    let mut cinema = Cinema::start().await;
    cinema.add_replica(Service::Users, "users-2").await;
    let (somebody, broker) = (cinema.user().await, asking(&cinema).await);
    let writing = async {
        loop {
            cinema.user().await;
        }
    };
    let looking = async {
        // Of which state was told last, and until when that was promised; and of how many that was.
        let (mut state, mut until, mut promised) = (Value::Null, None, 0);
        while promised < PROMISES {
            let began = Instant::now();
            let as_of = check(&broker, &somebody).await["as_of"].clone();
            let now = json!([as_of["position"], as_of["changes"]]);
            if now != state {
                let over = until.take();
                assert!(
                    over.is_none_or(|over| Instant::now() >= over),
                    "{state} was promised for longer, and it is {now}"
                );
                promised += u32::from(over.is_some());
                state = now;
            }
            let holds = as_of["holds_ms"].as_u64().expect("how long it holds");
            assert!(holds <= 20, "{as_of}");
            until = until.max((holds > 0).then(|| began + Duration::from_millis(holds)));
        }
    };
    tokio::select! {
        () = writing => {}
        looked = timeout(PATIENCE, looking) => looked.expect("promises"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_frozen_with_a_lease_loses_it() {
    let mut cinema = Cinema::start().await;
    let user = cinema.user().await;
    let mut store = store(&cinema).await;
    for _ in 0..TRIES {
        let asked = ask_on(&cinema, &user).await;
        eventually("a lease", async || (!is_free(&mut store).await).then_some(())).await;
        cinema.freeze("users");
        asked.abort();
        let began = Instant::now();
        let held = !is_free(&mut store).await;
        eventually("a head that is free", async || is_free(&mut store).await.then_some(())).await;
        let took = began.elapsed();
        cinema.thaw("users");
        assert!(may_book(&asking(&cinema).await, &user).await, "it goes on");
        if held {
            assert!(took < Duration::from_secs(3), "{took:?}");
            cinema.api.delete(&format!("/api/users/{user}")).await.expect(204);
            assert!(!may_book(&asking(&cinema).await, &user).await);
            return;
        }
    }
    panic!("it never had a lease");
}
