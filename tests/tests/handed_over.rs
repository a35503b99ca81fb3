//! A projection takes what was decided here at first hand, what was there before from the journal, and from the broker what
//! another replica has decided.

use std::collections::BTreeSet;

use async_nats::jetstream;
use contracts::Service;
use contracts::subjects::BATCH;
use diesel_async::SimpleAsyncConnection;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use system_tests::{Broker, Cinema, NatsUser, eventually, samples};
use uuid::Uuid;

/// So many are enough for the broker not to be asked any more.
const MANY: usize = 500;

/// Registers users, as a gateway with many callers does.
async fn register(broker: &Broker, users: usize) {
    let one = || samples::batched(Uuid::now_v7(), "register", &samples::user());
    let batch: Vec<Value> = (0..users).map(|_| one()).collect();
    broker.command(Service::Users, BATCH, json!(batch).to_string(), Uuid::now_v7()).await;
}

async fn all_are_shown(cinema: &Cinema, users: usize) {
    eventually("all users", async || (cinema.api.all("/api/users").await.len() == users).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_here_and_by_another_replica_is_shown_once() {
    let mut cinema = Cinema::start().await;
    let gateway = cinema.broker_as(NatsUser::Gateway).await;
    let operator = jetstream::new(cinema.broker().await.client);
    let readers = async || -> BTreeSet<String> {
        let stream = operator.get_stream(Service::Users.events_stream()).await.expect("a stream");
        stream.consumer_names().try_collect().await.expect("consumers")
    };
    register(&gateway, 1).await;
    all_are_shown(&cinema, 1).await;
    let before = eventually("the readers of gateway, bookings and projection", async || {
        let now = readers().await;
        (now.len() == 3).then_some(now)
    })
    .await;

    register(&gateway, MANY).await;
    all_are_shown(&cinema, 1 + MANY).await;
    eventually("a reader that was not needed", async || {
        let now = readers().await;
        (before.difference(&now).count() == 1).then_some(())
    })
    .await;

    cinema.add_replica(Service::Users, "users-2").await;
    for _ in 0..20 {
        register(&gateway, 20).await;
    }
    register(&gateway, MANY).await;
    register(&gateway, 1).await;
    let users = 2 + 2 * MANY + 20 * 20;
    all_are_shown(&cinema, users).await;
    cinema.kill("users").await;
    register(&gateway, 1).await;
    all_are_shown(&cinema, users + 1).await;
    let (code, report) = cinema.verify(&[]).await;
    assert_eq!(code, Some(0), "{report}");
}

/// Leaves the read table as another replica does that has just begun to make it anew.
async fn empty(cinema: &Cinema) {
    let store = cinema.store(Service::Users);
    let empty = "BEGIN; DELETE FROM users; UPDATE checkpoints SET position = 0 WHERE projection = 'users'; COMMIT";
    store.connection().await.unwrap().batch_execute(empty).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_made_anew_while_the_service_runs_are_whole() {
    let cinema = Cinema::start().await;
    let gateway = cinema.broker_as(NatsUser::Gateway).await;
    register(&gateway, 3).await;
    all_are_shown(&cinema, 3).await;
    empty(&cinema).await;
    register(&gateway, 1).await;
    all_are_shown(&cinema, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_anew_though_the_stream_has_the_last_events_only() {
    let cinema = Cinema::start().await;
    let gateway = cinema.broker_as(NatsUser::Gateway).await;
    register(&gateway, MANY).await;
    all_are_shown(&cinema, MANY).await;
    let provisioner = jetstream::new(cinema.broker_as(NatsUser::Provisioner).await.client);
    let stream = provisioner.get_stream(Service::Users.events_stream()).await.expect("a stream");
    stream.purge().keep(1).await.expect("purged");
    empty(&cinema).await;
    register(&gateway, 1).await;
    all_are_shown(&cinema, MANY + 1).await;
}
