//! Where something can still be read that was stored somewhere: every column of every table, every message of every
//! stream, every log.

use std::fs;

use async_nats::jetstream;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use futures_util::StreamExt;
use marquee::servers::NatsUser;

use crate::Cinema;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    place: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl Cinema {
    /// Where any of these words stand, whatever their case: such as `table users profiles.email: ada@example.com`,
    /// `stream DEAD_LETTERS 7: ada@example.com` and `log users: ada@example.com`.
    pub async fn traces(&self, words: &[String]) -> Vec<String> {
        let (tables, streams) = tokio::join!(self.in_tables(words), self.in_streams(words));
        [tables, streams, self.in_logs(words)].concat()
    }

    /// In which column of which service's tables.
    pub async fn in_tables(&self, words: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        for (service, url) in self.database.urls() {
            let mut connection = AsyncMysqlConnection::establish(url).await.expect("a connection");
            let columns = "SELECT CAST(CONCAT(table_name, '.', column_name) AS CHAR) AS place \
                FROM information_schema.columns WHERE table_schema = DATABASE()";
            let columns: Vec<Column> = sql_query(columns).load(&mut connection).await.expect("columns");
            assert!(columns.len() > 20, "{service} has tables");
            for Column { place } in columns {
                let (table, column) = place.split_once('.').expect("a table and a column");
                for word in words {
                    // As bytes, because not everything that is stored is text.
                    let count = format!(
                        "SELECT COUNT(*) AS `rows` FROM `{table}` \
                         WHERE INSTR(HEX(LOWER(`{column}`)), HEX(CONVERT(? USING utf8mb4))) > 0"
                    );
                    let count = sql_query(count).bind::<Text, _>(word.to_lowercase());
                    let count: Count = count.get_result(&mut connection).await.expect("a count");
                    if count.rows > 0 {
                        found.push(format!("table {service} {place}: {word}"));
                    }
                }
            }
        }
        found
    }

    /// In which message of which stream: in its headers, its subject or its payload.
    pub async fn in_streams(&self, words: &[String]) -> Vec<String> {
        let client = self.broker_as(NatsUser::Provisioner).await.client;
        let jetstream = jetstream::new(client);
        let names: Vec<String> = jetstream.stream_names().map(|name| name.expect("a name")).collect().await;
        assert!(names.len() >= 6, "{names:?}");
        let mut found = Vec::new();
        for name in names {
            let stream = jetstream.get_stream(&name).await.expect("a stream");
            let state = &stream.cached_info().state;
            for sequence in state.first_sequence..=state.last_sequence {
                // What is not there any more has nothing in it.
                let Ok(message) = stream.get_raw_message(sequence).await else { continue };
                let payload = String::from_utf8_lossy(&message.payload);
                let text = format!("{} {:?} {payload}", message.subject, message.headers).to_lowercase();
                let words = words.iter().filter(|word| text.contains(&word.to_lowercase()));
                found.extend(words.map(|word| format!("stream {name} {sequence}: {word}")));
            }
        }
        found
    }

    /// In the log of which process.
    pub fn in_logs(&self, words: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        let mut processes = 0;
        for entry in fs::read_dir(self.folder().join("logs")).expect("logs") {
            let path = entry.expect("an entry").path();
            let text = String::from_utf8_lossy(&fs::read(&path).expect("a log")).to_lowercase();
            processes += usize::from(!text.is_empty());
            let name = path.file_stem().expect("a name").to_string_lossy();
            let words = words.iter().filter(|word| text.contains(&word.to_lowercase()));
            found.extend(words.map(|word| format!("log {name}: {word}")));
        }
        assert!(processes >= 5, "services, gateway and servers write logs");
        found
    }
}
