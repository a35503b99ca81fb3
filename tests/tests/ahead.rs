//! A small batch is decided before the head of the journal is locked: what has changed until it is locked counts all the
//! same.

use contracts::Service;
use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use system_tests::{Answer, Cinema, eventually};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

async fn number(store: &mut AsyncMysqlConnection, query: &str) -> i64 {
    diesel::sql_query(query).get_result::<Found>(store).await.expect("a number").number
}

/// Books while this happens between the look at what the booking needs and the lock.
async fn meanwhile(cinema: &Cinema, (user, showtime): (&str, &str), seat: &str, statements: &str) -> Answer {
    let url = &cinema.database.urls()[&Service::Bookings];
    let mut holder = AsyncMysqlConnection::establish(url).await.expect("a connection");
    holder.batch_execute("BEGIN; SELECT position FROM journal_head FOR UPDATE").await.expect("the head");
    let seats = [seat];
    let (answer, ()) = tokio::join!(cinema.book(user, showtime, &seats), async {
        let waits = "SELECT COUNT(*) AS number FROM information_schema.processlist \
                     WHERE id <> CONNECTION_ID() AND info LIKE '%UPDATE journal_head SET position = IF(%'";
        eventually("a batch that waits", async || (number(&mut holder, waits).await == 1).then_some(())).await;
        holder.batch_execute(&format!("{statements}; COMMIT")).await.expect("a change");
    });
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_it_was_looked_at_counts() {
    let cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    // From now on, the service knows where it is.
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    let booking = (user.as_str(), showtime.as_str());
    meanwhile(&cinema, booking, "A2", "DO 0").await.expect(201);

    let id = format!("UNHEX('{}')", showtime.replace('-', ""));
    let closed = format!(
        "INSERT INTO claims (kind, value, stream_id) VALUES ('closed-showtime', '{showtime}', {id}); \
         UPDATE journal_head SET changes = changes + 1"
    );
    meanwhile(&cinema, booking, "A3", &closed).await.expect(409).expect_problem("showtime-cancelled");

    // The service itself counts what changes claims only: that a showtime without bookings takes none any more.
    let empty = cinema.showtime().await;
    let mut store =
        AsyncMysqlConnection::establish(&cinema.database.urls()[&Service::Bookings]).await.expect("a store");
    let changes = "SELECT CAST(changes AS SIGNED) AS number FROM journal_head";
    let before = number(&mut store, changes).await;
    let cancelled = cinema.api.delete(&format!("/api/showtimes/{empty}")).await;
    assert!(cancelled.status < 300, "{}", cancelled.body);
    eventually("a change", async || (number(&mut store, changes).await > before).then_some(())).await;
    cinema.book(&user, &empty, &["A1"]).await.expect(409).expect_problem("showtime-cancelled");
}
