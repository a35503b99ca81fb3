//! What clients of these runs have in common: one gateway, one record, an end.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use contracts::Role;
use system_tests::Cinema;
use system_tests::chaos::client::{Client, Gate};
use system_tests::chaos::ending;
use system_tests::chaos::history::History;
use system_tests::chaos::record::Record;
use system_tests::chaos::scripting::Scripting;
use tokio::sync::watch;

/// What the clients' choices follow from.
const SEED: u64 = 7;
/// Longer than any of these runs.
const TOKEN: Duration = Duration::from_secs(600);

/// A cinema with a record of what its clients do.
pub(crate) struct Setting<'a> {
    pub(crate) cinema: &'a Cinema,
    /// What they did and were told.
    pub(crate) record: Arc<Record>,
    /// An admin's.
    pub(crate) token: String,
    gates: Arc<[Gate]>,
    end: watch::Sender<bool>,
}

impl<'a> Setting<'a> {
    /// Nothing has happened yet.
    pub(crate) fn new(cinema: &'a Cinema) -> Self {
        let gates = [Gate { api: cinema.api.anonymous(), births: AtomicU32::new(0) }];
        let (token, end) = (cinema.token_for(Role::Admin, TOKEN), watch::Sender::new(false));
        Self { cinema, record: Arc::new(Record::new()), token, gates: gates.into(), end }
    }

    /// A client that has not signed in.
    pub(crate) async fn client(&self, number: u32) -> Client {
        let scripting = Scripting::new(self.cinema.broker().await.client);
        let (gates, record) = (Arc::clone(&self.gates), Arc::clone(&self.record));
        Client::new(number, SEED, gates, record, scripting, self.end.subscribe())
    }

    /// Tells the clients to come to an end.
    pub(crate) fn end(&self) {
        self.end.send_replace(true);
    }

    /// Waits until all has settled, and looks at what there is. Nobody did any harm, so it has settled at once.
    pub(crate) async fn history(&self) -> History {
        // It has the patience to wait for what is only late; what it says of the rest is in the ending.
        let _ = self.cinema.verify(&[]).await;
        self.record.finish(ending::collect(self.cinema, Some(0)).await)
    }
}
