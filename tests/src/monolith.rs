//! The program that Marquee is compared with, on a private database.

use std::net::{Ipv4Addr, SocketAddr};

use contracts::{Role, Service};
use marquee::folder::Folder;
use marquee::guard::{Afterwards, Guard};
use marquee::process::Process;
use marquee::servers::{self, Database};
use marquee::{ports, services, token};

use crate::Api;
use crate::cinema::{new_folder, start};

/// A running monolith. Dropped, it ends with everything that belongs to it.
pub struct Monolith {
    /// REST, for an admin.
    pub api: Api,
    // Dropped before what it stands on.
    _program: Process,
    _database: Database,
    _folder: Folder,
    _guard: Guard,
}

impl Monolith {
    /// Starts it and waits until it is ready.
    pub async fn start() -> Self {
        let programs = services::programs().unwrap_or_else(|error| panic!("{error:#}"));
        let folder = Folder::open(&new_folder()).await.expect("a data folder");
        let guard = Guard::start(&programs.join("marquee"), folder.path(), Afterwards::Remove).await.expect("a guard");
        let mut database = Database::prepare(&folder).await.unwrap_or_else(|error| panic!("{error:#}"));
        start(&mut database.process, servers::PATIENCE).await;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free().expect("a port")));
        let secrets = folder.token_secrets().expect("secrets");
        let spec = services::monolith(&database.urls()[&Service::Bookings], &secrets, listen);
        let mut program = Process::new(spec.unwrap_or_else(|error| panic!("{error:#}")), &folder);
        start(&mut program, servers::PATIENCE).await;
        let token = token::brief(folder.path(), Role::Admin).expect("a token");
        let api = Api::new(format!("http://{listen}")).with_token(token);
        Self { api, _program: program, _database: database, _folder: folder, _guard: guard }
    }
}
