//! The connections to a store, as all services use them.

use std::time::Duration;

use contracts::Service;
use diesel::sql_types::Integer;
use diesel::{IntoSql, select, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use system_tests::Cinema;
use tokio::time::timeout;

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
