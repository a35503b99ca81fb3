//! Statements in words of SQL, which diesel prepares once for each connection. Its own `sql_query` is prepared anew each
//! time, and so are its inserts of several rows.

use std::marker::PhantomData;

use diesel::mysql::Mysql;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Binary, Integer, Text, Unsigned};
use runtime::database::Key;

/// A value for a statement.
pub(crate) enum Value<'a> {
    Key(Key),
    Text(&'a str),
    Number(u32),
}

/// A statement with a `?` for each value, which answers with rows of `T`. There must only ever be a few different texts:
/// each is kept prepared.
pub(crate) struct Words<'a, T = ()> {
    text: &'a str,
    values: Vec<Value<'a>>,
    rows: PhantomData<T>,
}

impl<'a, T> Words<'a, T> {
    pub(crate) fn new(text: &'a str, values: Vec<Value<'a>>) -> Self {
        Self { text, values, rows: PhantomData }
    }
}

impl<T> QueryFragment<Mysql> for Words<'_, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for piece in self.text.split_inclusive('?') {
            out.push_sql(piece.trim_end_matches('?'));
            if !piece.ends_with('?') {
                continue;
            }
            match values.next() {
                Some(Value::Key(value)) => out.push_bind_param::<Binary, _>(value)?,
                Some(Value::Text(value)) => out.push_bind_param::<Text, _>(value)?,
                Some(Value::Number(value)) => out.push_bind_param::<Unsigned<Integer>, _>(value)?,
                None => return Err(diesel::result::Error::QueryBuilderError("a value is missing".into())),
            }
        }
        Ok(())
    }
}

/// Kept by its text.
impl<T> QueryId for Words<'_, T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T> Query for Words<'_, T> {
    type SqlType = T;
}
