//! A batch is decided before the head of the journal is locked, from what is kept of the one before, and whether what is new
//! is there already isn't looked up: what has changed until it is locked, and what is there, counts all the same.

use contracts::{Case, Outcome, OutcomeStatus, Service};
use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
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

/// What locks the head.
const LOCK: &str = "BEGIN; SELECT position FROM journal_head FOR UPDATE";
/// How a batch that was decided ahead begins.
const MOVE: &str = "UPDATE journal_head SET position = IF(";

async fn store(cinema: &Cinema) -> AsyncMysqlConnection {
    AsyncMysqlConnection::establish(&cinema.database.urls()[&Service::Bookings]).await.expect("a connection")
}

/// Waits for somebody who waits for the head with this statement, or with the last of these.
async fn waits(cinema: &Cinema, statements: &str) {
    let statement = statements.rsplit("; ").next().unwrap_or_default();
    let waiting = format!(
        "SELECT COUNT(*) AS number FROM information_schema.processlist \
         WHERE id <> CONNECTION_ID() AND command = 'Query' AND info LIKE '%{statement}%'"
    );
    let mut store = store(cinema).await;
    eventually("somebody who waits", async || (number(&mut store, &waiting).await == 1).then_some(())).await;
}

/// What another replica would write for a showtime that is cancelled.
fn closed(showtime: &str) -> String {
    let id = format!("UNHEX('{}')", showtime.replace('-', ""));
    format!(
        "INSERT INTO claims (kind, value, stream_id) VALUES ('closed-showtime', '{showtime}', {id}); \
         UPDATE journal_head SET changes = changes + 1"
    )
}

/// Books while this happens between the look at what the booking needs and the lock.
async fn meanwhile(cinema: &Cinema, (user, showtime): (&str, &str), seat: &str, statements: &str) -> Answer {
    let mut holder = store(cinema).await;
    holder.batch_execute(LOCK).await.expect("the head");
    let seats = [seat];
    let (answer, ()) = tokio::join!(cinema.book(user, showtime, &seats), async {
        waits(cinema, MOVE).await;
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

    meanwhile(&cinema, booking, "A3", &closed(&showtime)).await.expect(409).expect_problem("showtime-cancelled");

    // The service itself counts what changes claims only: that a showtime without bookings takes none any more.
    let empty = cinema.showtime().await;
    let mut store = store(&cinema).await;
    let changes = "SELECT CAST(changes AS SIGNED) AS number FROM journal_head";
    let before = number(&mut store, changes).await;
    let cancelled = cinema.api.delete(&format!("/api/showtimes/{empty}")).await;
    assert!(cancelled.status < 300, "{}", cancelled.body);
    eventually("a change", async || (number(&mut store, changes).await > before).then_some(())).await;
    cinema.book(&user, &empty, &["A1"]).await.expect(409).expect_problem("showtime-cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_counts_for_many_commands_as_well() {
    let cinema = Cinema::start().await;
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    let (mut first, mut second) = (store(&cinema).await, store(&cinema).await);
    first.batch_execute(LOCK).await.expect("the head");

    // While one booking waits for the head, many gather behind it; between the two, somebody else has the head.
    let seats = (1..=20).flat_map(|seat| [format!("B{seat}"), format!("C{seat}")]);
    let book = async |seat: String| cinema.book(&user, &showtime, &[&seat]).await;
    let (one, ((), (), many)) = tokio::join!(cinema.book(&user, &showtime, &["A2"]), async {
        waits(&cinema, MOVE).await;
        tokio::join!(
            async {
                waits(&cinema, LOCK).await;
                first.batch_execute("COMMIT").await.expect("a free head");
            },
            async {
                second.batch_execute(LOCK).await.expect("the head");
                waits(&cinema, MOVE).await;
                second.batch_execute(&format!("{}; COMMIT", closed(&showtime))).await.expect("a change");
            },
            join_all(seats.map(book)),
        )
    });
    one.expect(201);
    for answer in many {
        answer.expect(409).expect_problem("showtime-cancelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_is_there_is_not_made_again() {
    let mut cinema = Cinema::start().await;
    let (user, showtime, other) = (cinema.user().await, cinema.showtime().await, cinema.showtime().await);
    let place = |id: Uuid, showtime: &str, seat: &str| json!({ "id": id, "user_id": user, "showtime_id": showtime, "seats": [seat] });
    let (broker, there) = (cinema.broker().await, Uuid::now_v7());
    broker.accepted(Service::Bookings, "place", place(there, &showtime, "A1")).await;
    // Alone, decided ahead, and among others from the stream, decided under the lock because the service has just started.
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
