//! What the command loop has just committed, on its way to those who would else read it again: the relay from the journal,
//! the service's own projections from the broker.

use std::future::pending;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};

use crate::journal::Row;

/// Batches that wait for whoever is slow. Who misses one reads it where it has been written.
const BATCHES: usize = 8;

/// Hands over.
pub(crate) struct Handover(broadcast::Sender<Arc<Vec<Row>>>);

/// Takes what is handed over from now on.
pub(crate) struct Fresh(broadcast::Receiver<Arc<Vec<Row>>>);

/// Rows that follow each other.
pub(crate) struct Handed {
    rows: Arc<Vec<Row>>,
    start: usize,
}

impl Default for Handover {
    fn default() -> Self {
        Self(broadcast::Sender::new(BATCHES))
    }
}

impl Handover {
    /// Hands over what was committed, in the order of positions.
    pub(crate) fn put(&self, rows: Vec<Row>) {
        if !rows.is_empty() {
            // Refused when there is nobody to take it.
            let _ = self.0.send(Arc::new(rows));
        }
    }

    pub(crate) fn follow(&self) -> Fresh {
        Fresh(self.0.subscribe())
    }
}

impl Fresh {
    /// Waits for rows that follow `last`; `None` when there is a hole before what was handed over: another replica wrote, or
    /// too much waited. Cancelling loses none.
    pub(crate) async fn next(&mut self, last: u64) -> Option<Handed> {
        loop {
            let rows = match self.0.recv().await {
                Ok(rows) => rows,
                Err(RecvError::Lagged(_)) => return None,
                Err(RecvError::Closed) => return pending().await,
            };
            let start = rows.partition_point(|row| row.position <= last);
            if let Some(first) = rows.get(start) {
                return (first.position == last + 1).then_some(Handed { rows, start });
            }
        }
    }
}

impl Deref for Handed {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        self.rows.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;
    use crate::database::Key;

    fn rows(positions: impl IntoIterator<Item = u64>) -> Vec<Row> {
        let row = |position| Row {
            position,
            stream_id: Key(Uuid::nil()),
            version: 1,
            entity_id: Key(Uuid::nil()),
            event_type: String::new(),
            data: String::new(),
            command_id: Key(Uuid::nil()),
            actor: String::new(),
            recorded_at: DateTime::UNIX_EPOCH.naive_utc(),
        };
        positions.into_iter().map(row).collect()
    }

    /// What is there that follows `last`; the outer `None` when there is nothing.
    fn next(fresh: &mut Fresh, last: u64) -> Option<Option<Vec<u64>>> {
        let handed = fresh.next(last).now_or_never()?;
        Some(handed.map(|handed| handed.iter().map(|row| row.position).collect()))
    }

    #[test]
    fn only_what_follows_is_taken() {
        let handover = Handover::default();
        handover.put(rows([4]));
        let mut fresh = handover.follow();
        assert_eq!(next(&mut fresh, 4), None, "it was handed over before");
        for some in [vec![5, 6], vec![], vec![7], vec![9]] {
            handover.put(rows(some));
        }
        assert_eq!(next(&mut fresh, 5), Some(Some(vec![6])));
        assert_eq!(next(&mut fresh, 6), Some(Some(vec![7])));
        assert_eq!(next(&mut fresh, 7), Some(None), "8 is missing");
        handover.put(rows([10]));
        assert_eq!(next(&mut fresh, 10), None, "what is known is skipped");
    }

    #[test]
    fn who_is_too_slow_is_told_of_a_hole() {
        let handover = Handover::default();
        let mut fresh = handover.follow();
        for position in 1..=BATCHES as u64 + 1 {
            handover.put(rows([position]));
        }
        assert_eq!(next(&mut fresh, 0), Some(None));
        assert_eq!(next(&mut fresh, 1), Some(Some(vec![2])));
    }
}
