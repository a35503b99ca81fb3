//! A nats-server alone, for what can be tried without the services.

use marquee::folder::Folder;
use marquee::guard::{Afterwards, Guard};
use marquee::servers::{self, Nats};
use marquee::services;

use crate::cinema::{new_folder, start};

/// A running nats-server with nothing on it. Dropped, it ends.
pub struct BareNats {
    /// The server.
    pub nats: Nats,
    _folder: Folder,
    // The last to be dropped, because it removes the folder.
    _guard: Guard,
}

impl BareNats {
    /// Starts it and waits until it answers.
    pub async fn start() -> Self {
        let programs = services::programs().unwrap_or_else(|error| panic!("{error:#}"));
        let folder = Folder::open(&new_folder()).await.expect("a data folder");
        let guard = Guard::start(&programs.join("marquee"), folder.path(), Afterwards::Remove).await.expect("a guard");
        let mut nats = Nats::prepare(&folder).unwrap_or_else(|error| panic!("{error:#}"));
        start(&mut nats.process, servers::PATIENCE).await;
        Self { nats, _folder: folder, _guard: guard }
    }
}
