//! A MariaDB or MySQL server that somebody else runs.

use std::collections::BTreeMap;

use anyhow::Context;
use contracts::Service;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use reqwest::Url;

/// An existing server, on which every service gets a database of its own: `marquee_users` and so on.
#[derive(Clone, Debug)]
pub struct Existing {
    url: Url,
}

impl Existing {
    /// The server at `mysql://user:password@host:port`, reached with that account; a database behind it is not looked at.
    ///
    /// # Errors
    /// In words, for anything else.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "mysql" && url.has_host());
        let url = url.context("the database URL must look like mysql://user:password@host:port")?;
        Ok(Self { url })
    }

    /// Where each service finds its database.
    pub fn urls(&self) -> BTreeMap<Service, String> {
        Service::ALL.map(|service| (service, self.with_path(&super::database_name(service)))).into()
    }

    /// Where each service finds its database, by the URL of a server with an account that reaches all of them, or by one
    /// URL for each database.
    ///
    /// # Errors
    /// In words, for anything else.
    pub fn databases(urls: &[String]) -> anyhow::Result<BTreeMap<Service, String>> {
        if let [url] = urls {
            return Ok(Self::new(url)?.urls());
        }
        let servers = urls.iter().map(|url| Self::new(url)).collect::<anyhow::Result<Vec<_>>>()?;
        let of = |service| {
            let name = super::database_name(service);
            let found = servers.iter().find(|server| server.url.path() == format!("/{name}"));
            let found = found.with_context(|| format!("none of the database URLs ends in /{name}"))?;
            Ok((service, found.url.to_string()))
        };
        Service::ALL.into_iter().map(of).collect()
    }

    /// The databases of this server; makes those that are missing.
    ///
    /// # Errors
    /// In words, when one can't be had.
    pub async fn prepare(&self) -> anyhow::Result<BTreeMap<Service, String>> {
        let urls = self.urls();
        for (service, url) in &urls {
            // Looked at first: an account that may use a database need not be one that may make it.
            if AsyncMysqlConnection::establish(url).await.is_err() {
                self.make(&super::database_name(*service)).await?;
            }
        }
        Ok(urls)
    }

    async fn make(&self, name: &str) -> anyhow::Result<()> {
        let host = self.url.host_str().unwrap_or_default();
        let server = AsyncMysqlConnection::establish(&self.with_path("")).await;
        let mut server = server.with_context(|| format!("the database server at {host} does not let us in"))?;
        // The DSL has no word for databases.
        let statement = format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4");
        let made = server.batch_execute(&statement).await;
        made.with_context(|| format!("cannot make a database on {host}; somebody who may has to say: {statement}"))
    }

    fn with_path(&self, path: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(path);
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_account_and_options_and_replaces_the_database() {
        let server = Existing::new("mysql://ada:s%40crt@db.example:3307/other?prefer_socket=false").unwrap();
        assert_eq!(
            server.with_path("marquee_users"),
            "mysql://ada:s%40crt@db.example:3307/marquee_users?prefer_socket=false"
        );
    }

    #[test]
    fn one_url_stands_for_all_databases_and_several_for_one_each() {
        let url = |service: &str| format!("mysql://marquee_{service}:secret@db.example/marquee_{service}");
        let each = ["users", "bookings", "movies"].map(url);
        let found = Existing::databases(&each).unwrap();
        assert_eq!(found.values().cloned().collect::<Vec<_>>(), ["users", "movies", "bookings"].map(url));
        let missing = Existing::databases(each.get(..2).unwrap()).unwrap_err().to_string();
        assert_eq!(missing, "none of the database URLs ends in /marquee_movies");

        let found = Existing::databases(&["mysql://ada@db.example".into()]).unwrap();
        assert_eq!(found.get(&Service::Movies).unwrap(), "mysql://ada@db.example/marquee_movies");
        assert!(Existing::new("postgres://ada@db.example").is_err());
        assert!(Existing::new("db.example:3306").is_err());
    }
}
