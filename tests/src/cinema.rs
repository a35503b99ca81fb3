//! All of Marquee on private servers, in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use contracts::{Role, Service};
use marquee::folder::Folder;
use marquee::guard::{Afterwards, Guard};
use marquee::ports;
use marquee::process::{self, Process, Spec};
use marquee::servers::{self, Database, Nats, NatsUser};
use marquee::services::{self, GATEWAY, Surroundings};
use marquee::token;
use runtime::database::Database as Store;
use tokio::process::Command;

use crate::{Api, Broker};

/// How long a service may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a service may drain.
const DRAIN: Duration = Duration::from_secs(10);
/// What a gateway of the tests doesn't limit.
const UNLIMITED: [&str; 2] = ["MARQUEE_LIMIT_SIGN_IN", "MARQUEE_LIMIT_SIGN_UP"];
/// How many lines of each log a failed test shows.
const LAST_LINES: usize = 40;

/// A running Marquee. Dropped, it ends with everything that belongs to it; a test process that is killed takes it along
/// as well, through its guard.
pub struct Cinema {
    /// REST, for an admin.
    pub api: Api,
    // Dropped before what they stand on.
    programs: BTreeMap<String, Process>,
    /// The private nats-server.
    pub nats_server: Nats,
    /// The private database server.
    pub database: Database,
    around: Surroundings,
    fit: Box<dyn Fn(&mut Spec) + Send + Sync>,
    folder: Folder,
    // The last to be dropped, because it removes the folder.
    _guard: Guard,
}

impl Cinema {
    /// Starts everything and waits until it is ready.
    pub async fn start() -> Self {
        Self::start_fitted(|_| {}, |_| {}).await
    }

    /// The same with something done to the data folder before the servers start, and to how each program starts.
    pub async fn start_fitted(prepare: impl FnOnce(&Path), fit: impl Fn(&mut Spec) + Send + Sync + 'static) -> Self {
        let programs = services::programs().unwrap_or_else(|error| panic!("{error:#}"));
        let folder = Folder::open(&new_folder()).await.expect("a data folder");
        let marquee = programs.join("marquee");
        let guard = Guard::start(&marquee, folder.path(), Afterwards::Remove).await.expect("a guard");
        let mut nats_server = Nats::prepare(&folder).unwrap_or_else(|error| panic!("{error:#}"));
        let mut database = Database::prepare(&folder).await.unwrap_or_else(|error| panic!("{error:#}"));
        prepare(folder.path());
        tokio::join!(
            start(&mut nats_server.process, servers::PATIENCE),
            start(&mut database.process, servers::PATIENCE)
        );
        let around = Surroundings {
            programs,
            nats_urls: nats_server.urls().clone(),
            token_secrets: folder.token_secrets().expect("secrets"),
            database_urls: database.urls().clone(),
            output: process::Output::File,
        };
        let (api, programs) = (Api::new(""), BTreeMap::new());
        let fit = Box::new(fit);
        let mut cinema = Self { api, programs, nats_server, database, around, fit, folder, _guard: guard };
        let mut specs: Vec<Spec> = Service::ALL.map(|service| cinema.service_spec(service, service.name())).into();
        let (gateway, api) = cinema.gateway_spec(GATEWAY);
        specs.push(gateway);
        cinema.api = api;
        for spec in specs {
            cinema.add(spec);
        }
        // All at once: each waits for the others anyway.
        for program in cinema.programs.values_mut() {
            program.start().expect("a program that starts");
        }
        for program in cinema.programs.values_mut() {
            ready(program, PATIENCE).await;
        }
        cinema
    }

    /// A new connection to the broker, as an operator has it.
    pub async fn broker(&self) -> Broker {
        self.broker_as(NatsUser::Operator).await
    }

    /// A new connection to the broker with the permissions of this user.
    pub async fn broker_as(&self, user: NatsUser) -> Broker {
        Broker::connect(&self.nats_server.urls()[&user]).await
    }

    /// One connection to a service's store, as the services have theirs.
    pub fn store(&self, service: Service) -> Store {
        Store::new(&self.database.urls()[&service], 1).expect("a pool")
    }

    /// A token of the machine for this role.
    pub fn token(&self, role: Role) -> String {
        token::brief(self.folder.path(), role).expect("a token")
    }

    /// The same for so long.
    pub fn token_for(&self, role: Role, lasts: Duration) -> String {
        token::sign(self.folder.path(), role, lasts).expect("a token")
    }

    /// Runs `marquee seed`; what it says.
    pub async fn seed(&self) -> String {
        self.marquee(&["seed"]).await
    }

    /// Runs `marquee` with these arguments against this gateway; what it says, which is nothing on standard error.
    pub async fn marquee(&self, arguments: &[&str]) -> String {
        let (succeeded, said, complained) = self.run_marquee(arguments).await;
        assert!(succeeded, "{complained}");
        assert_eq!(complained, "");
        said
    }

    /// The same where it is to fail; what it says on standard error.
    pub async fn marquee_fails(&self, arguments: &[&str]) -> String {
        let (succeeded, said, complained) = self.run_marquee(arguments).await;
        assert!(!succeeded, "{said}");
        complained
    }

    /// Runs `marquee verify` with these arguments: its exit code and what it says, on standard error as well.
    pub async fn verify(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let arguments = [&["verify"], arguments].concat();
        let output = self.output_of_marquee(&arguments).await;
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    async fn run_marquee(&self, arguments: &[&str]) -> (bool, String, String) {
        let output = self.output_of_marquee(&[arguments, &["--url", self.api.base()]].concat()).await;
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    async fn output_of_marquee(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.around.programs.join("marquee"));
        command.args(arguments).arg("--data-dir").arg(self.folder.path());
        command.output().await.expect("an end")
    }

    /// Kills a program (`users`, `movies`, `bookings`, `gateway`, or what a replica is called) as a power cut would.
    pub async fn kill(&mut self, name: &str) {
        self.program(name).kill().await;
    }

    /// Asks a program to drain; fails the test when it does not within ten seconds.
    pub async fn stop(&mut self, name: &str) {
        assert!(self.program(name).stop(DRAIN).await, "{name} did not drain");
    }

    /// Lets a program stand still.
    pub fn freeze(&mut self, name: &str) {
        self.program(name).freeze();
    }

    /// Lets it go on.
    pub fn thaw(&mut self, name: &str) {
        self.program(name).thaw();
    }

    /// Starts a program again that was killed or stopped, and waits until it is ready.
    pub async fn start_again(&mut self, name: &str) {
        start(self.program(name), PATIENCE).await;
    }

    /// Starts a service, or one more replica, and does not wait for it.
    pub fn begin(&mut self, service: Service, name: &str) {
        if !self.programs.contains_key(name) {
            let spec = self.service_spec(service, name);
            self.add(spec);
        }
        self.begin_again(name);
    }

    /// Starts a program again that was killed or stopped, and does not wait for it.
    pub fn begin_again(&mut self, name: &str) {
        self.program(name).start().expect("a program that starts");
    }

    /// Starts a program that is bound to end before it is ready; why.
    pub async fn begin_and_fail(&mut self, name: &str) -> String {
        self.begin_again(name);
        format!("{:#}", self.program(name).ready(PATIENCE).await.expect_err("a program that ends"))
    }

    /// A health page (`healthz`, `readyz`, `metrics`) of a program: status and text.
    pub async fn health(&self, name: &str, page: &str) -> (u16, String) {
        self.try_health(name, page).await.expect("a page")
    }

    /// The same, if the program answers.
    ///
    /// # Errors
    /// When it doesn't.
    pub async fn try_health(&self, name: &str, page: &str) -> anyhow::Result<(u16, String)> {
        let url = fs::read_to_string(self.folder.health_file(name))?;
        let response = reqwest::get(format!("{url}/{page}")).await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Runs `marquee status`: whether it succeeded, and what it says.
    pub async fn status(&self) -> (bool, String) {
        let mut command = Command::new(self.around.programs.join("marquee"));
        let output = command.args(["status", "--data-dir"]).arg(self.folder.path()).output().await.expect("an end");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts one more replica of a service under a name of its own.
    pub async fn add_replica(&mut self, service: Service, name: &str) {
        let spec = self.service_spec(service, name);
        self.add(spec);
        self.start_again(name).await;
    }

    /// Starts one more gateway under a name of its own.
    pub async fn add_gateway(&mut self, name: &str) -> Api {
        self.add_gateway_with(name, &[]).await
    }

    /// The same with more arguments.
    pub async fn add_gateway_with(&mut self, name: &str, arguments: &[&str]) -> Api {
        let (mut spec, api) = self.gateway_spec(name);
        spec.arguments.extend(arguments.iter().map(Into::into));
        self.add(spec);
        self.start_again(name).await;
        api
    }

    /// Kills the broker and starts it again, with what it had on disk.
    pub async fn restart_broker(&mut self) {
        self.nats_server.process.kill().await;
        start(&mut self.nats_server.process, servers::PATIENCE).await;
    }

    /// Kills the broker, throws its disk away and starts it again, empty.
    pub async fn wipe_broker(&mut self) {
        self.nats_server.wipe().await.expect("a store that can be removed");
        start(&mut self.nats_server.process, servers::PATIENCE).await;
    }

    /// Kills the database server and starts it again, with what it had on disk.
    pub async fn restart_database(&mut self) {
        self.database.process.kill().await;
        start(&mut self.database.process, servers::PATIENCE).await;
    }

    /// Waits until a program says that it is ready.
    pub async fn ready(&mut self, name: &str) {
        ready(self.program(name), PATIENCE).await;
    }

    /// The log of a program or a server.
    pub fn log(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.log_file(name)).unwrap_or_default()).into_owned()
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Prints the end of every log, for a test that has failed.
    pub fn print_logs(&self) {
        let logs = self.programs.keys().map(String::as_str).chain([servers::NATS, servers::DATABASE]);
        for name in logs {
            let log = self.log(name);
            let skipped = log.lines().count().saturating_sub(LAST_LINES);
            eprintln!("---- the end of the log of {name}");
            log.lines().skip(skipped).for_each(|line| eprintln!("{line}"));
        }
    }

    /// The names of all programs.
    pub fn names(&self) -> Vec<String> {
        self.programs.keys().cloned().collect()
    }

    /// The process of a program or a server.
    pub fn process(&mut self, name: &str) -> &mut Process {
        match name {
            servers::NATS => &mut self.nats_server.process,
            servers::DATABASE => &mut self.database.process,
            name => self.program(name),
        }
    }

    fn program(&mut self, name: &str) -> &mut Process {
        self.programs.get_mut(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    fn add(&mut self, mut spec: Spec) {
        (self.fit)(&mut spec);
        self.programs.insert(spec.name.clone(), Process::new(spec, &self.folder));
    }

    fn service_spec(&self, service: Service, name: &str) -> Spec {
        self.around.service(service, name).expect("a free port")
    }

    fn gateway_spec(&self, name: &str) -> (Spec, Api) {
        let listen = SocketAddr::from(([127, 0, 0, 1], ports::free().expect("a free port")));
        let mut spec = self.around.gateway(listen, name).expect("a free port");
        // All tests of a file come from one address. What a test of limits says in arguments wins.
        spec.environment.extend(UNLIMITED.map(|limit| (limit, "off".to_owned())));
        (spec, Api::new(format!("http://{listen}")).with_token(self.token(Role::Admin)))
    }
}

impl Drop for Cinema {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
    }
}

pub(crate) async fn start(process: &mut Process, patience: Duration) {
    process.start().unwrap_or_else(|error| panic!("{error:#}"));
    ready(process, patience).await;
}

async fn ready(process: &mut Process, patience: Duration) {
    process.ready(patience).await.unwrap_or_else(|error| panic!("{error:#}"));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The path of a folder that nobody has.
pub(crate) fn new_folder() -> PathBuf {
    std::env::temp_dir().join(format!("marquee-test-{}", uuid::Uuid::now_v7()))
}
