//! `marquee status`: how everything is that runs, in one screen.

mod figures;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use contracts::Service;
use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::pid_file::Identity;
use crate::{folder, servers, services};
use figures::Figures;

/// How long one page may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rates are over so long.
const SPAN: Duration = Duration::from_secs(1);

/// What `marquee status` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The folder of what runs
    #[arg(long, env = "MARQUEE_DATA_DIR", default_value = ".marquee", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// The health addresses of programs that run elsewhere, instead of a data folder's
    #[arg(long, value_name = "http://HOST:PORT", value_delimiter = ',')]
    url: Vec<String>,
}

/// Something that should run.
struct Program {
    name: String,
    pid: Option<i32>,
    door: Door,
}

/// Where it can be asked.
enum Door {
    /// A program of ours, at its health address.
    Health(String),
    /// A server, on its port.
    Port(u16),
    /// Nowhere: it does not run.
    None,
}

/// What it answered.
struct Answer {
    program: Program,
    /// The lines of its checks; or why there are none.
    ready: Result<String, String>,
    before: Figures,
    after: Figures,
    span: Duration,
}

/// Asks all, and prints what they say.
///
/// # Errors
/// When something isn't ready, after everything was printed; when nothing runs.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let programs = if args.url.is_empty() { of_folder(&args.data_dir)? } else { elsewhere(args.url) };
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let answers = join_all(programs.into_iter().map(|program| ask(&client, program))).await;
    print!("{}", table::of(&answers));
    let ill: Vec<&str> = answers.iter().filter(|a| a.ready.is_err()).map(|a| a.program.name.as_str()).collect();
    if !ill.is_empty() {
        bail!("not ready: {}", ill.join(", "));
    }
    Ok(())
}

fn elsewhere(urls: Vec<String>) -> Vec<Program> {
    let program = |url: String| {
        let url = url.trim_end_matches('/').to_owned();
        Program { name: url.clone(), pid: None, door: Door::Health(url) }
    };
    urls.into_iter().map(program).collect()
}

/// What should run of a data folder: our programs, replicas that were started, and the servers that are private.
fn of_folder(path: &Path) -> anyhow::Result<Vec<Program>> {
    let mut pids: BTreeMap<String, Option<i32>> = BTreeMap::new();
    for file in fs::read_dir(folder::run(path)).into_iter().flatten().flatten().map(|file| file.path()) {
        if file.extension().is_some_and(|ending| ending == "pid") {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            pids.insert(name, Identity::read(&file).map(|identity| identity.pid().as_raw_nonzero().get()));
        }
    }
    if pids.values().all(Option::is_none) {
        bail!("nothing runs in {}; does marquee up run?", path.display());
    }
    for name in Service::ALL.map(Service::name).into_iter().chain([services::GATEWAY]) {
        pids.entry(name.to_owned()).or_default();
    }
    let program = |(name, pid): (String, Option<i32>)| {
        let door = match (pid, name.as_str()) {
            (None, _) => Door::None,
            (Some(_), servers::NATS | servers::DATABASE) => {
                folder::last_port(path, &name).map_or(Door::None, Door::Port)
            }
            (Some(_), _) => {
                let url = fs::read_to_string(folder::run(path).join(&name).with_extension("health"));
                url.map_or(Door::None, Door::Health)
            }
        };
        Program { name, pid, door }
    };
    Ok(pids.into_iter().map(program).collect())
}

async fn ask(client: &reqwest::Client, program: Program) -> Answer {
    let (mut before, mut after, mut span) = (Figures::default(), Figures::default(), SPAN);
    let ready = match &program.door {
        Door::None => Err("does not run".to_owned()),
        Door::Port(port) => match timeout(PATIENCE, TcpStream::connect(("127.0.0.1", *port))).await {
            Ok(Ok(_)) => Ok(String::new()),
            Ok(Err(error)) => Err(format!("does not listen: {error}")),
            Err(_) => Err("does not answer".to_owned()),
        },
        Door::Health(url) => {
            let ready = page(client, &format!("{url}/readyz")).await;
            before = figures(client, url).await;
            let began = Instant::now();
            sleep(SPAN).await;
            span = began.elapsed();
            after = figures(client, url).await;
            ready
        }
    };
    Answer { program, ready, before, after, span }
}

async fn figures(client: &reqwest::Client, url: &str) -> Figures {
    Figures::read(&page(client, &format!("{url}/metrics")).await.unwrap_or_default())
}

/// A page; or what was said instead.
async fn page(client: &reqwest::Client, url: &str) -> Result<String, String> {
    let response = client.get(url).send().await.map_err(|error| format!("does not answer: {error}"))?;
    let status = response.status();
    let text = response.text().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(text) } else { Err(text) }
}
