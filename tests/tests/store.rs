//! The connections to a store, as all services use them.

use std::time::Duration;

use contracts::Service;
use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Integer};
use diesel::{IntoSql, select, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use system_tests::{Cinema, eventually};
use tokio::time::timeout;

/// Connections of a service that its questions share.
const SHARED: i64 = 12;
/// More than those.
const QUESTIONS: usize = 20;
/// How soon a booking is decided that need not wait for them.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_answer_to_a_question_that_was_given_up() {
    let cinema = Cinema::start().await;
    let database = cinema.store(Service::Bookings);
    {
        let connection = &mut *database.connection().await.unwrap();
        let slow = sql_query("SELECT SLEEP(0.5)").execute(connection);
        timeout(Duration::from_millis(100), slow).await.expect_err("an answer to wait for");
    }
    let connection = &mut *database.connection().await.unwrap();
    assert_eq!(select(42.into_sql::<Integer>()).get_result::<i32>(connection).await.unwrap(), 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_still_in_a_transaction_holds_nobody_up_for_long() {
    let cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    let database = cinema.store(Service::Bookings);
    let connection = &mut *database.connection().await.unwrap();
    connection.batch_execute("BEGIN; SELECT position FROM journal_head FOR UPDATE").await.unwrap();
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    connection.batch_execute("COMMIT").await.expect_err("a transaction that has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_wait_for_the_store_hold_no_booking_up() {
    let cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    let list = format!("/api/bookings?showtime_id={showtime}");
    // Waits until the read table is filled.
    cinema.api.get(&list).await.expect(200);

    let [holding, looking] = [cinema.store(Service::Bookings), cinema.store(Service::Bookings)];
    let (holding, looking) = (&mut *holding.connection().await.unwrap(), &mut *looking.connection().await.unwrap());
    holding.batch_execute("LOCK TABLES bookings WRITE").await.unwrap();
    let questions = (0..QUESTIONS).map(|_| {
        let (api, list) = (cinema.api.clone(), list.clone());
        tokio::spawn(async move { api.get(&list).await })
    });
    let questions: Vec<_> = questions.collect();
    eventually("questions on all connections that they share", async || {
        let waiting = "(SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%')";
        let waiting: i64 = select(sql::<BigInt>(waiting)).get_result(looking).await.unwrap();
        (waiting >= SHARED).then_some(())
    })
    .await;
    timeout(SOON, cinema.book(&user, &showtime, &["A2"])).await.expect("a decision").expect(201);
    holding.batch_execute("UNLOCK TABLES").await.unwrap();
    for question in questions {
        question.await.unwrap().expect(200);
    }
}
