//! Marquee's own programs.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use contracts::Service;

use crate::ports;
use crate::probe::Probe;
use crate::process::{Output, Spec};
use crate::servers::{NatsUrls, NatsUser};
use crate::token;

/// How many buffers the MySQL client keeps. It would keep 128 and write into one after the other, until each has grown to the
/// largest statement: after 100,000 bookings that took 13 MiB of the bookings service.
const BUFFERS: usize = 4;
/// After how many milliseconds the allocator gives back what was freed. It would wait a second, and looks only when something
/// else is freed: after a rush nothing is, and the four programs kept 4 MiB more.
const PURGE_DELAY: u32 = 100;

/// The gateway's name, and its program's.
pub const GATEWAY: &str = "gateway";

/// The folder with our programs: the one that this program lies in, or for a test, the one above.
///
/// # Errors
/// In words, when they have not all been built.
pub fn programs() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("cannot tell where this program lies")?;
    let folder = this.parent().unwrap_or(Path::new("/"));
    // cargo puts tests into `deps`, below the programs.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let names = Service::ALL.map(Service::name).into_iter().chain([GATEWAY, "marquee"]);
    let missing: Vec<&str> = names.filter(|name| !folder.join(name).is_file()).collect();
    if !missing.is_empty() {
        let (missing, folder) = (missing.join(", "), folder.display());
        bail!("not in {folder}: {missing}. script/up and script/test build them; so does cargo build --workspace");
    }
    Ok(folder.to_owned())
}

/// Where everything finds everything.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The folder with our programs.
    pub programs: PathBuf,
    /// The broker, as each of them signs in there.
    pub nats_urls: NatsUrls,
    /// What tokens are signed with.
    pub token_secrets: String,
    /// Each service's database.
    pub database_urls: BTreeMap<Service, String>,
    /// Where logs go.
    pub output: Output,
}

impl Surroundings {
    /// How to start a service. `name` tells replicas apart.
    ///
    /// # Errors
    /// When no port is free for its health page.
    pub fn service(&self, service: Service, name: &str) -> anyhow::Result<Spec> {
        let mut spec = self.program(service.name(), name, NatsUser::Service(service))?;
        spec.environment.push(("DATABASE_URL", self.database_urls.get(&service).cloned().unwrap_or_default()));
        Ok(spec)
    }

    /// How to start the gateway.
    ///
    /// # Errors
    /// When no port is free for its health page.
    pub fn gateway(&self, listen: SocketAddr, name: &str) -> anyhow::Result<Spec> {
        let mut spec = self.program(GATEWAY, name, NatsUser::Gateway)?;
        spec.arguments.extend(["--listen".into(), listen.to_string().into()]);
        spec.environment.push((token::VARIABLE, self.token_secrets.clone()));
        Ok(spec)
    }

    fn program(&self, program: &str, name: &str, user: NatsUser) -> anyhow::Result<Spec> {
        let health = format!("127.0.0.1:{}", ports::free()?);
        // Not an argument: there's a password in it.
        let nats_url = ("NATS_URL", self.nats_urls.get(&user).cloned().unwrap_or_default());
        Ok(Spec {
            name: name.into(),
            program: self.programs.join(program),
            arguments: vec!["--health-listen".into(), health.clone().into()],
            environment: [nats_url].into_iter().chain(memory()).collect(),
            output: self.output,
            probe: Probe::Http(format!("http://{health}/readyz")),
            timer_slack: None,
        })
    }
}

/// What keeps a program small, which only the environment can tell the libraries.
fn memory() -> [(&'static str, String); 2] {
    [("MYSQL_ASYNC_BUFFER_POOL_CAP", BUFFERS.to_string()), ("MIMALLOC_PURGE_DELAY", PURGE_DELAY.to_string())]
}

/// The name of the program that Marquee is compared with, and its program's.
pub const MONOLITH: &str = "monolith";

/// How to start that one on a database of its own.
///
/// # Errors
/// In words, when it has not been built.
pub fn monolith(database_url: &str, token_secrets: &str, listen: SocketAddr) -> anyhow::Result<Spec> {
    let program = programs()?.join(MONOLITH);
    if !program.is_file() {
        bail!("{} is not there; cargo build --workspace builds it", program.display());
    }
    let told = [(token::VARIABLE, token_secrets.to_owned()), ("DATABASE_URL", database_url.to_owned())];
    Ok(Spec {
        name: MONOLITH.into(),
        program,
        arguments: vec!["--listen".into(), listen.to_string().into()],
        environment: told.into_iter().chain(memory()).collect(),
        output: Output::File,
        probe: Probe::Http(format!("http://{listen}/readyz")),
        timer_slack: None,
    })
}
