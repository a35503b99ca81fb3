//! The first admin: made when a data folder is used for the first time, with a password that is told once.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context, bail};
use async_nats::HeaderMap;
use contracts::access::SetRoles;
use contracts::subjects::headers::MESSAGE_ID;
use contracts::users::{RegisterUser, UserChanged, UserDetails};
use contracts::{Case, Command, Outcome, Problem, Role, Service};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::folder::Folder;

/// Whom the admin signs in as.
pub(super) const EMAIL: &str = "admin@marquee.example";
/// The secret that the password is kept as until it was told.
const PASSWORD: &str = "first-admin";
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Makes the admin, unless this folder had one before; tells the password when it was made now. An end in between is
/// made up for the next time: password and commands are the same then.
///
/// # Errors
/// In words, when the users service does not do it.
pub(super) async fn first(folder: &Folder, nats_url: &str) -> anyhow::Result<Option<String>> {
    let made = folder.path().join("secrets").join("first-admin-made");
    if made.exists() {
        return Ok(None);
    }
    let password = folder.secret(PASSWORD)?;
    let (address, options) = runtime::broker::sign_in(nats_url)?;
    let nats = options.connect(address).await.context("the broker can't be reached")?;
    let details = UserDetails {
        username: text("admin")?,
        email: EMAIL.to_owned().try_into().map_err(anyhow::Error::msg)?,
        full_name: text("Administrator")?,
    };
    let password_hash = Some(gateway::access::hash(&password)?);
    let register = RegisterUser { id: None, details, password_hash };
    let told = match ask::<_, UserChanged>(&nats, &register).await? {
        Ok(UserChanged { id, .. }) => {
            let roles = BTreeSet::from(Role::ALL).try_into().map_err(anyhow::Error::msg)?;
            if let Err(problem) = ask::<_, UserChanged>(&nats, &SetRoles { id, roles }).await? {
                bail!("the first admin cannot be made one: {problem}");
            }
            Some(password)
        }
        // Existing servers that had one before, perhaps by this very command with another folder's password.
        Err(problem) if problem.is(Case::EmailTaken) || problem.is(Case::IdempotencyMismatch) => None,
        Err(problem) => bail!("the first admin cannot be made: {problem}"),
    };
    fs::write(made, "")?;
    fs::remove_file(folder.path().join("secrets").join(PASSWORD))?;
    Ok(told)
}

fn text<const MAX: usize>(text: &str) -> anyhow::Result<contracts::text::Text<MAX>> {
    text.to_owned().try_into().map_err(anyhow::Error::msg)
}

/// Gives a command as the operator; each kind of command once in the life of a store.
async fn ask<C: Command, A: DeserializeOwned>(
    nats: &async_nats::Client,
    command: &C,
) -> anyhow::Result<Result<A, Problem>> {
    let mut headers = HeaderMap::new();
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("marquee.first-admin.{}", C::NAME).as_bytes());
    headers.insert(MESSAGE_ID, id.to_string());
    let request = async_nats::Request::new().headers(headers).payload(serde_json::to_vec(command)?.into());
    let subject = Service::Users.ask(C::NAME);
    let reply = nats.send_request(subject, request.timeout(Some(PATIENCE))).await?;
    match serde_json::from_slice::<Outcome>(&reply.payload) {
        Ok(outcome) => Ok(outcome.into_result()),
        Err(_) => bail!("the users service answers {}", String::from_utf8_lossy(&reply.payload)),
    }
}
