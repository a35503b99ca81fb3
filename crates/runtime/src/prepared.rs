//! Statements that are prepared once for each connection, although their text depends on how many values they have.
//!
//! diesel can't know how many such texts there will be, so it prepares each anew and closes it again: three messages to
//! the server instead of one, and the server parses it each time. Most transactions are small, and of those there are few
//! texts.

use diesel::mysql::Mysql;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;

/// Up to so many values, each number is a text that is kept. Beyond, only powers of two are.
const FEW: usize = 8;
/// How many rows one statement carries. What is kept prepared of a statement takes memory for each of its values, in the
/// server as well.
const MOST: usize = 128;

/// A statement and the number of its values.
pub struct Counted<Q> {
    statement: Q,
    values: usize,
}

/// A statement whose text depends on this number of values, and on nothing else that varies.
pub fn counted<Q>(statement: Q, values: usize) -> Counted<Q> {
    Counted { statement, values }
}

/// Rows in pieces for one statement each, of such lengths that all of them are kept prepared. For 150 rows, three statements
/// that are prepared cost less than one that is not: preparing it alone, the server describes each of its values.
pub fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = if rows.len() <= FEW { rows.len() } else { MOST.min(1 << rows.len().ilog2()) };
        let (piece, rest) = rows.split_at_checked(length).filter(|(piece, _)| !piece.is_empty())?;
        rows = rest;
        Some(piece)
    })
}

/// For a list of which the order and repetitions don't matter: the same with the last value repeated up to a power of
/// two, so that there are few different lengths.
pub fn padded<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// The same for more values than one statement carries.
pub fn padded_parts<T: Clone>(values: &[T]) -> impl Iterator<Item = Vec<T>> {
    values.chunks(MOST).map(|part| padded(part.to_vec()))
}

impl<Q: QueryFragment<Mysql>> QueryFragment<Mysql> for Counted<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        self.statement.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &Mysql) -> QueryResult<bool> {
        let kept = self.values <= FEW || self.values.is_power_of_two();
        if kept { Ok(true) } else { self.statement.is_safe_to_cache_prepared(backend) }
    }
}

/// Kept by its text.
impl<Q> QueryId for Counted<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Counted<Q> {
    type SqlType = Q::SqlType;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_few_lengths_and_are_together_all() {
        let lengths = |rows: usize| pieces(&vec![0; rows]).map(<[i32]>::len).collect::<Vec<_>>();
        for (rows, due) in [
            (0, vec![]),
            (8, vec![8]),
            (9, vec![8, 1]),
            (150, vec![128, 16, 6]),
            (256, vec![128, 128]),
            (500, vec![128, 128, 128, 64, 32, 16, 4]),
        ] {
            assert_eq!(lengths(rows), due);
        }
        let rows: Vec<usize> = (0..1100).collect();
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn lists_have_few_lengths() {
        assert_eq!(padded(vec![1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded(vec![1, 2]), [1, 2]);
        assert!(padded(Vec::<u8>::new()).is_empty());
        assert_eq!(padded(vec![7; 500]).len(), 512);
        assert_eq!(padded_parts(&[7; 300]).map(|part| part.len()).collect::<Vec<_>>(), [128, 128, 64]);
        assert_eq!(padded_parts(&[7; 0]).count(), 0);
    }
}
