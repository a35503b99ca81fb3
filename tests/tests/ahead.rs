//! A small batch is decided before the head of the journal is locked, and whether what is new is there already isn't looked
//! up: what has changed until it is locked, and what is there, counts all the same.

use contracts::{Case, Outcome, OutcomeStatus, Service};
use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};
use system_tests::{Answer, Cinema, eventually};
use uuid::Uuid;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_is_there_is_not_made_again() {
    let mut cinema = Cinema::start().await;
    let (user, showtime, other) = (cinema.user().await, cinema.showtime().await, cinema.showtime().await);
    let place = |id: Uuid, showtime: &str, seat: &str| json!({ "id": id, "user_id": user, "showtime_id": showtime, "seats": [seat] });
    let (broker, there) = (cinema.broker().await, Uuid::now_v7());
    broker.accepted(Service::Bookings, "place", place(there, &showtime, "A1")).await;
    // Alone, where it is decided ahead, and among more than are.
    let again = place(there, &other, "A1");
    let refused = |outcome: Outcome| outcome.into_result::<Value>().expect_err("a refusal").is(Case::AlreadyExists);
    assert!(refused(broker.ask(Service::Bookings, "place", again.clone()).await));

    cinema.stop("bookings").await;
    let mut wanted = vec![(Uuid::now_v7(), again)];
    for (showtime, number) in [&showtime, &other].into_iter().flat_map(|showtime| (1..10).map(move |n| (showtime, n))) {
        wanted.push((Uuid::now_v7(), place(Uuid::now_v7(), showtime, &format!("B{number}"))));
    }
    for (id, command) in &wanted {
        broker.command(Service::Bookings, "place", command.to_string(), *id).await;
    }
    cinema.start_again("bookings").await;
    for (number, (id, command)) in wanted.iter().enumerate() {
        let outcome = broker.outcome(Service::Bookings, *id).await;
        match number {
            0 => assert!(refused(outcome)),
            _ => assert_eq!(outcome.status, OutcomeStatus::Accepted, "{command}: {}", outcome.body),
        }
    }
    assert_eq!(broker.last_sequence(Service::Bookings).await, 19);
}
