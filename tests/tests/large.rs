//! What is as large as it may be.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::HeaderMap;
use contracts::Service;
use contracts::subjects::{BATCH, headers};
use diesel_async::SimpleAsyncConnection;
use futures_util::StreamExt;
use serde_json::{Value, json};
use system_tests::{Cinema, NatsUser, eventually, samples};
use tokio::time::timeout;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_that_are_more_than_a_message_takes_are_all_told() {
    const MESSAGES: usize = 4;
    const MOVIES: usize = 300;
    let cinema = Cinema::start().await;
    let gateway = cinema.broker_as(NatsUser::Gateway).await;
    let inbox = gateway.client.new_inbox();
    let mut replies = gateway.client.subscribe(inbox.clone()).await.expect("a subscription");
    // 8 KB each, so that all together are more than 8 MB.
    let movie = samples::with(samples::movie(), "synopsis", "🎞".repeat(2000));
    let publish = async |movies: usize| {
        let batch: Vec<Value> = (0..movies).map(|_| samples::batched(Uuid::now_v7(), "add", &movie)).collect();
        let mut with = HeaderMap::new();
        with.insert(headers::MESSAGE_ID, Uuid::now_v7().to_string());
        with.insert(headers::REPLY_TO, inbox.as_str());
        gateway.publish(Service::Movies, BATCH, json!(batch).to_string(), with).await;
    };
    // What comes while one can't be decided is decided in one go.
    let store = cinema.store(Service::Movies);
    let lock = &mut *store.connection().await.unwrap();
    lock.batch_execute("BEGIN; SELECT position FROM journal_head FOR UPDATE").await.unwrap();
    publish(1).await;
    for _ in 0..MESSAGES {
        publish(MOVIES).await;
    }
    lock.batch_execute("COMMIT").await.expect("that it was soon enough");
    let mut told = BTreeSet::new();
    while told.len() < 1 + MESSAGES * MOVIES {
        let reply = timeout(Duration::from_secs(30), replies.next()).await.expect("more outcomes").expect("a reply");
        for outcome in serde_json::from_slice::<Vec<Value>>(&reply.payload).expect("outcomes") {
            assert_eq!(outcome["status"], "accepted");
            assert!(told.insert(outcome["command_id"].to_string()), "told again: {}", outcome["command_id"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn halls_that_are_more_than_a_message_takes_are_on_several_pages() {
    const HALLS: usize = 6;
    let cinema = Cinema::start().await;
    let runs: Vec<Value> = (0..200).map(|_| json!({ "kind": "seats", "count": 1, "category": "standard" })).collect();
    let label = |number: u8| format!("{}{}", char::from(b'A' + number / 26), char::from(b'A' + number % 26));
    let rows: Vec<Value> = (0..100).map(|number| json!({ "label": label(number), "runs": runs })).collect();
    for _ in 0..HALLS {
        let hall = samples::with(samples::hall(), "layout", json!({ "rows": rows }));
        cinema.api.post("/api/halls", &hall).await.expect(201);
    }
    let pages = eventually("all halls", async || {
        let pages = cinema.api.pages("/api/halls").await;
        (pages.iter().map(Vec::len).sum::<usize>() == HALLS).then_some(pages)
    });
    assert_eq!(pages.await.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
}
