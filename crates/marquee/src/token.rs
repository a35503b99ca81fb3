//! `marquee token`: a token for whoever owns the machine that the data folder is on. Nobody has to sign in for it:
//! who can read the folder's secrets could do anything anyway.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use contracts::{Role, Roles};
use gateway::access::{Secrets, tokens};

use crate::folder::{TOKEN_SECRETS, known_secret};

/// Where a launcher or a gateway gets secrets that no data folder has.
pub(crate) const VARIABLE: &str = "MARQUEE_TOKEN_SECRETS";

/// How long the tokens last that the other commands make for themselves.
const BRIEFLY: Duration = Duration::from_secs(3600);

/// What `marquee token` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What the token is for: customer, staff or admin
    #[arg(long, default_value = "staff")]
    role: Role,
    /// For how many hours
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=24 * 30))]
    hours: u32,
    /// The data folder whose secrets sign it, unless MARQUEE_TOKEN_SECRETS has them, as for the gateway
    #[arg(long, env = "MARQUEE_DATA_DIR", default_value = ".marquee", value_name = "FOLDER")]
    data_dir: PathBuf,
}

/// Prints a token.
///
/// # Errors
/// In words, when the folder's secrets can't be read.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let lasts = Duration::from_secs(u64::from(args.hours) * 3600);
    println!("{}", sign(&args.data_dir, args.role, lasts)?);
    Ok(())
}

/// A token that lasts an hour.
///
/// # Errors
/// In words, when the folder's secrets can't be read.
pub fn brief(data_dir: &Path, role: Role) -> anyhow::Result<String> {
    sign(data_dir, role, BRIEFLY)
}

/// A token that lasts so long.
///
/// # Errors
/// In words, when the folder's secrets can't be read.
pub fn sign(data_dir: &Path, role: Role, lasts: Duration) -> anyhow::Result<String> {
    let (source, text) = match env::var(VARIABLE) {
        Ok(text) => (VARIABLE.to_owned(), text),
        Err(_) => (format!("the secret in {}", data_dir.display()), known_secret(data_dir, TOKEN_SECRETS)?),
    };
    sign_with(&text, role, lasts).with_context(|| format!("{source} is of no use"))
}

/// The same with these secrets.
///
/// # Errors
/// When they are none.
pub(crate) fn sign_with(secrets: &str, role: Role, lasts: Duration) -> anyhow::Result<String> {
    let secrets: Secrets = secrets.trim().parse()?;
    Ok(tokens::machine(&secrets, Roles::only(role), Utc::now(), lasts)?)
}
