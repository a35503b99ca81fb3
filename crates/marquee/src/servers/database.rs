//! A private MariaDB or MySQL server with one database and one account per service.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use contracts::Service;

use super::program;
use crate::folder::{self, Folder, write_private};
use crate::probe::Probe;
use crate::process::{Output, Process, Spec};

/// The two makes, and the oldest version of each that will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Make {
    MariaDb,
    MySql,
}

/// What every run of the server is told; understood by both makes.
const OPTIONS: [&str; 8] = [
    "--bind-address=127.0.0.1",
    // No Unix socket: it would need a short path, and nobody needs it. It also is the only way in for root.
    "--socket=",
    "--skip-name-resolve",
    // What was committed survives a power cut.
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-size=128M",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--character-set-server=utf8mb4",
];

/// A private MariaDB or MySQL server.
#[derive(Debug)]
pub struct Database {
    /// Its process.
    pub process: Process,
    urls: BTreeMap<Service, String>,
}

impl Database {
    /// Prepares one with its store in the data folder, which takes some seconds the first time; it doesn't run yet.
    ///
    /// # Errors
    /// In words, when there's no program for it or its store can't be made.
    pub async fn prepare(folder: &Folder) -> anyhow::Result<Self> {
        let (make, program) = find()?;
        let store = folder.path().join("database");
        make_store(make, &program, &store, folder).await?;
        let port = folder.port(super::DATABASE)?;
        let accounts = folder.path().join("secrets").join("accounts.sql");
        let mut statements = DROP_OTHER_ROOTS.to_owned();
        let mut urls = BTreeMap::new();
        for service in Service::ALL {
            let name = super::database_name(service);
            let password = folder.secret(&name)?;
            statements += &account(&name, &password);
            urls.insert(service, url(service, &password, port));
        }
        write_private(&accounts, &statements)?;

        let mut arguments: Vec<OsString> = vec!["--no-defaults".into(), with_value("--datadir", &store)];
        arguments.extend(OPTIONS.map(OsString::from));
        arguments.push(format!("--port={port}").into());
        arguments.push(with_value("--pid-file", &store.join("server.pid")));
        arguments.push(with_value("--init-file", &accounts));
        arguments.extend(as_root());
        if make == Make::MySql {
            // The X protocol would listen on a port of its own; and builds name a folder for files of SELECT … INTO,
            // without which they refuse to start.
            arguments.extend(["--mysqlx=OFF", "--secure-file-priv=NULL"].map(OsString::from));
        }
        // The accounts are made before anybody is let in, in the order of the services: the last stands for all.
        let probe = Probe::Database(urls.values().next_back().cloned().unwrap_or_default());
        let spec = Spec {
            name: super::DATABASE.into(),
            program,
            arguments,
            environment: vec![temporary(folder)?],
            output: Output::File,
            probe,
            timer_slack: None,
        };
        Ok(Self { process: Process::new(spec, folder), urls })
    }

    /// Where each service finds its database.
    pub fn urls(&self) -> &BTreeMap<Service, String> {
        &self.urls
    }
}

/// Where a service's database is on a private server. Its account is called as the database is.
pub(super) fn url(service: Service, password: &str, port: u16) -> String {
    let name = super::database_name(service);
    format!("mysql://{name}:{password}@127.0.0.1:{port}/{name}")
}

/// MariaDB makes accounts without password for root on 127.0.0.1.
const DROP_OTHER_ROOTS: &str = "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n";

/// Makes what is missing of a service's database and account. Run at every start, each statement on a line of its own.
fn account(name: &str, password: &str) -> String {
    // In GRANT an underscore stands for any character, unless it is escaped.
    let pattern = name.replace('_', "\\_");
    format!(
        "CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4;\n\
         CREATE USER IF NOT EXISTS '{name}'@'127.0.0.1';\n\
         ALTER USER '{name}'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
         GRANT ALL ON `{pattern}`.* TO '{name}'@'127.0.0.1';\n"
    )
}

/// The same order in which `script/bootstrap` looks. A `mysqld` may be MariaDB's, too.
fn find() -> anyhow::Result<(Make, PathBuf)> {
    let mut too_old = Vec::new();
    for (name, oldest) in [("mariadbd", (10, 11)), ("mysqld", (8, 4))] {
        let Some(program) = program::find(name) else { continue };
        let version = program::version(&program)?;
        if version >= oldest {
            let make = if name == "mariadbd" || version >= (10, 0) { Make::MariaDb } else { Make::MySql };
            return Ok((make, program));
        }
        too_old.push(format!("{} is too old ({}.{})", program.display(), version.0, version.1));
    }
    too_old.push("script/bootstrap gets one that will do".into());
    bail!("neither mariadbd 10.11 or later nor mysqld 8.4 or later is on PATH; {}", too_old.join("; "))
}

/// Fills a new store with what the server needs to start. Made beside its place and moved, so that a store that is
/// there is whole.
async fn make_store(make: Make, program: &Path, store: &Path, folder: &Folder) -> anyhow::Result<()> {
    if store.exists() {
        // Only MariaDB has the Aria engine.
        if (make == Make::MariaDb) != store.join("aria_log_control").exists() {
            let (other, this) = if make == Make::MariaDb { ("MySQL", "MariaDB") } else { ("MariaDB", "MySQL") };
            bail!("{} was made by {other}, and now {this} comes first on PATH", store.display());
        }
        return Ok(());
    }
    let unfinished = store.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let program = match make {
        Make::MySql => program.to_owned(),
        Make::MariaDb => installer(program)?,
    };
    let mut arguments = vec!["--no-defaults".into(), with_value("--datadir", &unfinished)];
    arguments.extend(as_root());
    match make {
        Make::MySql => arguments.push("--initialize-insecure".into()),
        Make::MariaDb => arguments
            .extend(["--auth-root-authentication-method=normal", "--skip-test-db", "--force"].map(OsString::from)),
    }
    let name = "database-install".into();
    let environment = vec![temporary(folder)?];
    let (output, probe) = (Output::File, Probe::None);
    let spec = Spec { name, program, arguments, environment, output, probe, timer_slack: None };
    let mut installation = Process::new(spec, folder);
    installation.start()?;
    let status = installation.ended().await?;
    if !status.success() {
        bail!("the database's store could not be made ({status}){}", installation.last_lines());
    }
    fs::rename(&unfinished, store).with_context(|| format!("cannot make {}", store.display()))
}

/// A folder of its own for temporary tables: a MariaDB that starts deletes all that it finds there, those of others
/// included.
fn temporary(data: &Folder) -> anyhow::Result<(&'static str, String)> {
    let path = data.path().join("tmp");
    folder::make(&path)?;
    Ok(("TMPDIR", path.display().to_string()))
}

/// MariaDB's installer, on PATH or where it lies beside a server that was unpacked somewhere.
fn installer(program: &Path) -> anyhow::Result<PathBuf> {
    let prefix = program.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let beside = ["bin", "scripts"].map(|folder| prefix.join(folder).join("mariadb-install-db"));
    let beside = beside.into_iter().find(|installer| installer.is_file());
    beside
        .or_else(|| program::find("mariadb-install-db"))
        .context("mariadb-install-db is not on PATH, though mariadbd is; script/bootstrap gets both")
}

/// The servers refuse to run as root unless they are told to.
fn as_root() -> Option<OsString> {
    rustix::process::geteuid().is_root().then(|| "--user=root".into())
}

fn with_value(option: &str, value: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push("=");
    argument.push(value);
    argument
}
