//! Read tables as rows of columns, whatever they are called: an empty one beside each, and in which rows the two differ.
//!
//! Both sides are summed up on the server, a digest for each of many buckets of rows; only buckets that differ are read,
//! so that a million rows that are right cost two scans and no traffic.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Unsigned};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use runtime::database::Connection;
use serde_json::{Map, Value};

/// How many buckets the rows of a table are in.
const BUCKETS: u32 = 4096;
/// How much of a value is told.
const SHOWN: usize = 60;

/// What a table is made of.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: Vec<Column>,
}

// The DSL knows tables when it is compiled; what these are made of is asked of the database.
#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_binary: bool,
    #[diesel(sql_type = Bool)]
    is_key: bool,
}

impl Column {
    /// As people read it.
    fn text(&self) -> String {
        if self.is_binary { format!("LOWER(HEX(`{}`))", self.name) } else { format!("`{}`", self.name) }
    }
}

#[derive(QueryableByName)]
struct Created {
    #[diesel(sql_type = Text, column_name = "Create Table")]
    statement: String,
}

/// A bucket's rows, summed up.
#[derive(PartialEq, QueryableByName)]
pub(super) struct Digest {
    #[diesel(sql_type = BigInt)]
    bucket: i64,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Unsigned<BigInt>)]
    digest: u64,
}

#[derive(QueryableByName)]
struct OneText {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Rows as JSON objects by their keys.
pub(super) type Rows = BTreeMap<String, Map<String, Value>>;

impl Table {
    pub(super) async fn describe(connection: &mut Connection, name: &'static str) -> anyhow::Result<Self> {
        let statement = "SELECT COLUMN_NAME AS name, DATA_TYPE = 'binary' AS is_binary, COLUMN_KEY = 'PRI' AS is_key \
                         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
                         ORDER BY ORDINAL_POSITION";
        let columns: Vec<Column> = diesel::sql_query(statement).bind::<Text, _>(name).load(connection).await?;
        Ok(Self { name, columns })
    }

    /// Makes an empty table of the same name that only this connection has, and that hides the other one from it.
    pub(super) async fn shadow(&self, connection: &mut Connection) -> anyhow::Result<()> {
        let statement = format!("SHOW CREATE TABLE `{}`", self.name);
        let created: Created = diesel::sql_query(statement).get_result(connection).await?;
        let rest = created.statement.strip_prefix("CREATE TABLE").context("a table that is none")?;
        Ok(connection.batch_execute(&format!("CREATE TEMPORARY TABLE{rest}")).await?)
    }

    /// The rows, summed up by bucket.
    pub(super) async fn digests(&self, connection: &mut Connection) -> anyhow::Result<Vec<Digest>> {
        // The separator is binary, so all of it is, whatever character sets the columns have. QUOTE makes a word of NULL,
        // which would be left out.
        let columns: Vec<String> = self.columns.iter().map(|column| format!("QUOTE(`{}`)", column.name)).collect();
        let statement = format!(
            "SELECT {} AS bucket, COUNT(*) AS `rows`, \
             BIT_XOR(CAST(CONV(LEFT(MD5(CONCAT_WS(0x1f, {})), 16), 16, 10) AS UNSIGNED)) AS digest \
             FROM `{}` GROUP BY 1 ORDER BY 1",
            self.bucket(),
            columns.join(", "),
            self.name,
        );
        Ok(diesel::sql_query(statement).load(connection).await?)
    }

    /// The rows of these buckets.
    pub(super) async fn rows(&self, connection: &mut Connection, buckets: &BTreeSet<i64>) -> anyhow::Result<Rows> {
        if buckets.is_empty() {
            return Ok(Rows::new());
        }
        let buckets: Vec<String> = buckets.iter().map(ToString::to_string).collect();
        let fields: Vec<String> =
            self.columns.iter().map(|column| format!("'{}', {}", column.name, column.text())).collect();
        let statement = format!(
            "SELECT CAST(JSON_OBJECT({}) AS CHAR) AS text FROM `{}` WHERE {} IN ({})",
            fields.join(", "),
            self.name,
            self.bucket(),
            buckets.join(", "),
        );
        let found: Vec<OneText> = diesel::sql_query(statement).load(connection).await?;
        let rows = found.into_iter().map(|row| {
            let row: Map<String, Value> = serde_json::from_str(&row.text)?;
            Ok((self.key(&row), row))
        });
        rows.collect()
    }

    fn bucket(&self) -> String {
        let keys = self.columns.iter().filter(|column| column.is_key);
        let keys: Vec<String> = keys.map(|column| format!("`{}`", column.name)).collect();
        format!("CAST(CRC32(CONCAT_WS(0x1f, {})) MOD {BUCKETS} AS SIGNED)", keys.join(", "))
    }

    fn key(&self, row: &Map<String, Value>) -> String {
        let keys = self.columns.iter().filter(|column| column.is_key).filter_map(|column| row.get(&column.name));
        keys.map(readable).collect::<Vec<_>>().join(", ")
    }

    /// Which columns differ, with what is there and what is due.
    pub(super) fn differences(&self, found: &Map<String, Value>, due: &Map<String, Value>) -> String {
        let differing =
            self.columns.iter().map(|column| column.name.as_str()).filter(|name| found.get(*name) != due.get(*name));
        let told = differing.map(|name| {
            let text = |row: &Map<String, Value>| row.get(name).map(readable).unwrap_or_default();
            format!("{name} is {} and not {}", text(found), text(due))
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// The buckets in which the two differ.
pub(super) fn differing(found: Vec<Digest>, due: Vec<Digest>) -> BTreeSet<i64> {
    let by_bucket = |digests: Vec<Digest>| -> BTreeMap<i64, Digest> {
        digests.into_iter().map(|digest| (digest.bucket, digest)).collect()
    };
    let (found, due) = (by_bucket(found), by_bucket(due));
    let all = found.keys().chain(due.keys()).copied();
    all.filter(|bucket| found.get(bucket) != due.get(bucket)).collect()
}

/// A value for a person: ids with their hyphens, long texts cut.
fn readable(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(id) = Some(&text).filter(|text| text.len() == 32).and_then(|text| uuid::Uuid::parse_str(text).ok()) {
        return id.to_string();
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
