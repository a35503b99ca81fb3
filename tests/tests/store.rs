//! The connections to a store, as all services use them.

use std::time::Duration;

use contracts::Service;
use diesel::sql_types::Integer;
use diesel::{IntoSql, select, sql_query};
use diesel_async::RunQueryDsl;
use runtime::database::Database;
use system_tests::Cinema;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_answer_to_a_question_that_was_given_up() {
    let cinema = Cinema::start().await;
    let database = Database::new(&cinema.database.urls()[&Service::Bookings], 1).unwrap();
    {
        let connection = &mut *database.connection().await.unwrap();
        let slow = sql_query("SELECT SLEEP(0.5)").execute(connection);
        timeout(Duration::from_millis(100), slow).await.expect_err("an answer to wait for");
    }
    let connection = &mut *database.connection().await.unwrap();
    assert_eq!(select(42.into_sql::<Integer>()).get_result::<i32>(connection).await.unwrap(), 42);
}
