//! The private servers of a data folder that a launcher has, for whoever can read its secrets.

use std::collections::BTreeMap;
use std::path::Path;

use contracts::Service;

use super::{DATABASE, NATS, NatsUser, database, database_name};
use crate::folder::{known_secret, last_port};

/// Where each service's database is.
///
/// # Errors
/// In words, when the folder doesn't tell.
pub(crate) fn running_databases(folder: &Path) -> anyhow::Result<BTreeMap<Service, String>> {
    let port = last_port(folder, DATABASE)?;
    let urls = Service::ALL.into_iter().map(|service| {
        let password = known_secret(folder, &database_name(service))?;
        Ok((service, database::url(service, &password, port)))
    });
    urls.collect()
}

/// Where the operator signs in to the broker.
///
/// # Errors
/// In words, when the folder doesn't tell.
pub(crate) fn running_nats(folder: &Path) -> anyhow::Result<String> {
    let (user, port) = (NatsUser::Operator, last_port(folder, NATS)?);
    Ok(user.url(&known_secret(folder, &user.secret())?, &format!("127.0.0.1:{port}")))
}
