//! What the command loop has just committed, on its way to the relay, which so need not read it from the journal again:
//! that would be one query of the 18 that a lone booking costs, and every row once more.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::journal::Row;

/// Rows that wait for the relay. It reads the journal anyway when there are more, or when another replica wrote.
const MOST: usize = 2000;

/// Rows on their way.
#[derive(Default)]
pub(crate) struct Handover {
    rows: Mutex<Vec<Row>>,
    more: Notify,
}

impl Handover {
    /// Hands over what was committed, in the order of positions, and wakes the relay.
    pub(crate) fn put(&self, rows: Vec<Row>) {
        let mut kept = self.lock();
        if kept.len() + rows.len() > MOST {
            kept.clear();
        } else {
            kept.extend(rows);
        }
        drop(kept);
        self.more.notify_one();
    }

    /// Takes what follows `last` without a hole; what else is there is of no use.
    pub(crate) fn take(&self, last: u64) -> Vec<Row> {
        let mut rows = std::mem::take(&mut *self.lock());
        rows.retain(|row| row.position > last);
        let follows = rows.iter().zip(last + 1..).take_while(|(row, due)| row.position == *due).count();
        rows.truncate(follows);
        rows
    }

    /// Returns when something was handed over since the last time.
    pub(crate) async fn more(&self) {
        self.more.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
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

    fn taken(handover: &Handover, last: u64) -> Vec<u64> {
        handover.take(last).into_iter().map(|row| row.position).collect()
    }

    #[test]
    fn only_what_follows_is_taken() {
        let handover = Handover::default();
        handover.put(rows([5, 6]));
        handover.put(rows([8, 9]));
        assert_eq!(taken(&handover, 5), [6]);
        assert_eq!(taken(&handover, 6), [0; 0]);
        handover.put(rows([8]));
        assert_eq!(taken(&handover, 6), [0; 0]);
    }

    #[test]
    fn what_is_too_much_is_read_from_the_journal() {
        let handover = Handover::default();
        handover.put(rows(1..=MOST as u64));
        handover.put(rows([MOST as u64 + 1]));
        assert_eq!(taken(&handover, 0), [0; 0]);
    }
}
