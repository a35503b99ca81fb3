//! The data folder: the servers' stores, logs, passwords, and who runs on them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

use crate::{guard, ports};

/// The name of the file among the secrets that has what tokens are signed with.
pub(crate) const TOKEN_SECRETS: &str = "token-secrets";

/// How long the guard of a killed launcher may take to end what that one left behind.
const GUARD_PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A data folder that is ours alone until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where there is none and takes it; then ends what a launcher left running that was killed.
    ///
    /// # Errors
    /// In words, when another launcher has it or it can't be written.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        make(path)?;
        let path = path.canonicalize()?;
        make(&run(&path))?;
        make(&path.join("logs"))?;
        let Some(mut lock) = try_lock(&path.join("lock"))? else {
            let holder = fs::read_to_string(path.join("lock")).unwrap_or_default();
            bail!("the data folder {} is in use by another marquee (process {})", path.display(), holder.trim());
        };
        lock.set_len(0)?;
        write!(lock, "{}", std::process::id())?;
        let folder = Self { path, _lock: lock };
        folder.wait_for_guard().await?;
        guard::end_leftovers(&folder.path).await?;
        Ok(folder)
    }

    /// The last launcher's guard holds a lock of its own until it has ended everything.
    async fn wait_for_guard(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + GUARD_PATIENCE;
        while guard::lock(&self.path)?.is_none() {
            if Instant::now() > deadline {
                bail!("what the last marquee left running in {} does not end", self.path.display());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Where it is, from the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pid file of the process of this name.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        run(&self.path).join(name).with_extension("pid")
    }

    /// Where the health pages of the process of this name are: a file with their URL.
    pub fn health_file(&self, name: &str) -> PathBuf {
        run(&self.path).join(name).with_extension("health")
    }

    /// The log file of the process of this name.
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(name).with_extension("log")
    }

    /// A free port for the server of this name: the one it had the last time, unless somebody else has it now.
    ///
    /// # Errors
    /// When no port is free or the folder can't be written.
    pub fn port(&self, name: &str) -> anyhow::Result<u16> {
        let file = self.path.join(name).with_extension("port");
        let last = fs::read_to_string(&file).ok().and_then(|port| port.parse().ok());
        if let Some(port) = last.filter(|port| ports::is_free(*port)) {
            return Ok(port);
        }
        let port = ports::free()?;
        fs::write(&file, port.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(port)
    }

    /// A secret of this name that only the owner can read: made up at the first call, the same ever after.
    ///
    /// # Errors
    /// When the folder can't be read or written.
    pub fn secret(&self, name: &str) -> anyhow::Result<String> {
        self.secret_with(name, "")
    }

    /// What tokens are signed with, as the gateway takes it: one secret, until somebody puts another in front of it.
    ///
    /// # Errors
    /// When the folder can't be read or written.
    pub fn token_secrets(&self) -> anyhow::Result<String> {
        self.secret_with(TOKEN_SECRETS, "1:")
    }

    fn secret_with(&self, name: &str, prefix: &str) -> anyhow::Result<String> {
        let folder = self.path.join("secrets");
        make(&folder)?;
        let file = folder.join(name);
        if let Ok(secret) = fs::read_to_string(&file)
            && !secret.is_empty()
        {
            return Ok(secret.trim().to_owned());
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = format!("{prefix}{random}");
        write_private(&file, &secret)?;
        Ok(secret)
    }
}

/// The port that a server of this name had the last time, in whosever data folder.
///
/// # Errors
/// In words, when none is known.
pub(crate) fn last_port(folder: &Path, name: &str) -> anyhow::Result<u16> {
    Ok(read(&folder.join(name).with_extension("port"))?.parse()?)
}

/// A secret of whosever data folder.
///
/// # Errors
/// In words, when it can't be read.
pub(crate) fn known_secret(folder: &Path, name: &str) -> anyhow::Result<String> {
    read(&folder.join("secrets").join(name))
}

fn read(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file);
    let text =
        text.with_context(|| format!("cannot read {}; does marquee up run with this data folder?", file.display()))?;
    Ok(text.trim().to_owned())
}

/// Where the pid files of a data folder are.
pub(crate) fn run(folder: &Path) -> PathBuf {
    folder.join("run")
}

/// A folder that only its owner can look into.
pub(crate) fn make(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the folder {}", path.display()))
}

/// A file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Takes a lock that ends with the process; `None` when another process has it.
pub(crate) fn try_lock(path: &Path) -> anyhow::Result<Option<File>> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = open.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}
