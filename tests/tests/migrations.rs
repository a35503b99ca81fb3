//! Tables are brought up to date by however many processes start at once, and never by a program that is older than
//! they are. In which order everything starts doesn't matter.

use std::collections::BTreeSet;

use contracts::Service;
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use system_tests::Cinema;

/// One column of text.
#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

async fn store(cinema: &Cinema) -> AsyncMysqlConnection {
    AsyncMysqlConnection::establish(&cinema.database.urls()[&Service::Bookings]).await.expect("a connection")
}

async fn words(store: &mut AsyncMysqlConnection, query: &str) -> Vec<String> {
    let rows: Vec<Word> = sql_query(query).load(store).await.expect("words");
    rows.into_iter().map(|row| row.word).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_that_start_at_once_make_the_tables_once() {
    let mut cinema = Cinema::start().await;
    cinema.stop("bookings").await;
    let mut store = store(&cinema).await;
    let tables = "SELECT table_name AS word FROM information_schema.tables WHERE table_schema = DATABASE()";
    let before: BTreeSet<String> = words(&mut store, tables).await.into_iter().collect();
    for table in &before {
        store.batch_execute(&format!("DROP TABLE {table}")).await.expect("a table less");
    }
    assert_eq!(words(&mut store, tables).await, Vec::<String>::new());

    let replicas = ["bookings", "bookings-2", "bookings-3"];
    for name in replicas {
        cinema.begin(Service::Bookings, name);
    }
    for name in replicas {
        cinema.ready(name).await;
    }
    assert_eq!(words(&mut store, tables).await.into_iter().collect::<BTreeSet<String>>(), before);
    let (user, showtime) = (cinema.user().await, cinema.showtime().await);
    cinema.book(&user, &showtime, &["A1"]).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_newer_than_the_program_is_refused() {
    let mut cinema = Cinema::start().await;
    cinema.stop("bookings").await;
    let mut store = store(&cinema).await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')";
    store.batch_execute(newer).await.expect("a migration that nobody knows");
    let refused = cinema.begin_and_fail("bookings").await;
    assert!(refused.contains("exit status: 1"), "{refused}");
    assert!(refused.contains("the database is newer than this program"), "{refused}");
    assert!(refused.contains("99991231000000"), "{refused}");

    store.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '99991231000000'").await.expect("gone");
    cinema.start_again("bookings").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_start_before_their_servers_wait_for_them() {
    let mut cinema = Cinema::start().await;
    for broker_first in [true, false] {
        for name in ["gateway", "bookings", "movies", "users"] {
            cinema.stop(name).await;
        }
        cinema.nats_server.process.kill().await;
        cinema.database.process.kill().await;
        for service in Service::ALL {
            cinema.begin(service, service.name());
        }
        cinema.begin_again("gateway");
        if broker_first {
            cinema.restart_broker().await;
            cinema.ready("gateway").await;
            cinema.restart_database().await;
        } else {
            cinema.restart_database().await;
            cinema.restart_broker().await;
        }
        for name in ["gateway", "bookings", "movies", "users"] {
            cinema.ready(name).await;
        }
        let (user, showtime) = (cinema.user().await, cinema.showtime().await);
        cinema.book(&user, &showtime, &["A1"]).await.expect(201);
    }
}
