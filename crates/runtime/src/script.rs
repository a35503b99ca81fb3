//! Several statements as one text with their values in it, which the server runs in one go: one round trip. It stops at the
//! first that fails.
//!
//! The server has to read them anew each time, so this is for few values; [`ahead`](crate::ahead) says for how few. One
//! constant statement that reads its rows from a JSON text (`JSON_TABLE`), in a procedure, took as long as this for one
//! command and twice as long as prepared ones for 256. A procedure with a parameter for each value, good for one command with
//! just three claims, had 1.04 times the throughput; one that prepares whatever statements it is given, 0.94 times.

use std::fmt::{self, Arguments, Display, Formatter};

use chrono::NaiveDateTime;
use diesel_async::SimpleAsyncConnection;

use crate::database::{Connection, StoreError};

/// Statements.
#[derive(Default)]
pub(crate) struct Script {
    text: String,
}

impl Script {
    /// Adds a statement.
    pub(crate) fn add(&mut self, statement: Arguments<'_>) {
        self.text += &format!("{statement}; ");
    }

    /// Adds one that inserts these rows, if there are any. `into` has the table and its columns.
    pub(crate) fn insert<'v>(&mut self, into: &str, rows: impl Iterator<Item = Vec<Literal<'v>>>) {
        let rows: Vec<String> = rows.map(|row| format!("({})", list(&row))).collect();
        if !rows.is_empty() {
            self.add(format_args!("INSERT INTO {into} VALUES {}", rows.join(", ")));
        }
    }

    /// Runs them.
    ///
    /// # Errors
    /// When the store is away, or refuses one of them; those before it stand.
    pub(crate) async fn run(self, connection: &mut Connection) -> Result<(), StoreError> {
        Ok(connection.batch_execute(&self.text).await?)
    }
}

fn list(values: &[Literal<'_>]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<String>>().join(", ")
}

/// A value. Texts and bytes are written in hexadecimal digits: nothing has to be quoted, so nothing can end too soon.
pub(crate) enum Literal<'v> {
    Number(u64),
    Bytes(&'v [u8]),
    Text(&'v str),
    /// UTC, to the microsecond.
    Time(NaiveDateTime),
}

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => write!(f, "X'{}'", hex::encode(bytes)),
            Self::Text(text) => write!(f, "_utf8mb4 X'{}'", hex::encode(text)),
            Self::Time(time) => write!(f, "'{}'", time.format("%F %T%.6f")),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn values_cannot_end_too_soon() {
        let mut script = Script::default();
        let time =
            NaiveDate::from_ymd_opt(2026, 11, 26).and_then(|day| day.and_hms_micro_opt(9, 8, 7, 6)).expect("a time");
        let row = || vec![Literal::Number(7), Literal::Bytes(b"\0'"), Literal::Text("'; é"), Literal::Time(time)];
        script.insert("t (a, b, c, d)", [row(), row()].into_iter());
        script.insert("none (a)", std::iter::empty());
        script.add(format_args!("COMMIT"));
        let row = "(7, X'0027', _utf8mb4 X'273b20c3a9', '2026-11-26 09:08:07.000006')";
        assert_eq!(script.text, format!("INSERT INTO t (a, b, c, d) VALUES {row}, {row}; COMMIT; "));
    }
}
