//! `marquee dlq`: dead letters at the command line, through REST.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use contracts::{Role, Service};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;

use crate::token;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `marquee dlq` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The gateway
    #[arg(long, env = "MARQUEE_URL", default_value = "http://127.0.0.1:8080", value_name = "URL", global = true)]
    url: String,
    /// An admin's token; without one, the data folder's secrets sign one
    #[arg(long, env = "MARQUEE_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// The data folder, where there is no token
    #[arg(long, env = "MARQUEE_DATA_DIR", default_value = ".marquee", value_name = "FOLDER", global = true)]
    data_dir: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Lists dead letters, the oldest first: number, time, service, command, its id, reason
    List {
        /// Only of this service: users, movies or bookings
        #[arg(long, value_parser = service)]
        service: Option<Service>,
    },
    /// Shows one with all that is known of it, and what was sent
    Show {
        /// Its number
        letter: u64,
    },
    /// Sends commands again, under the same ids, so that none takes effect twice
    Retry {
        /// Their numbers
        #[arg(required = true)]
        letters: Vec<u64>,
    },
    /// Removes dead letters for good
    Drop {
        /// Their numbers
        #[arg(required = true)]
        letters: Vec<u64>,
    },
}

fn service(name: &str) -> Result<Service, String> {
    let known = Service::ALL.into_iter().find(|service| service.name() == name);
    known.ok_or_else(|| "must be users, movies or bookings".to_owned())
}

/// Does what was asked for.
///
/// # Errors
/// In words, when the gateway doesn't answer or refuses.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let token = args.token.map_or_else(|| token::brief(&args.data_dir, Role::Admin), Ok)?;
    let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let door = Door { client, base: args.url.trim_end_matches('/').to_owned(), token };
    match args.action {
        Action::List { service } => door.list(service).await,
        Action::Show { letter } => door.show(letter).await,
        Action::Retry { letters } => {
            for letter in letters {
                let operation = door.body(Method::POST, &format!("/api/dead-letters/{letter}/retry")).await?;
                println!("{letter}: sent again; what becomes of it: /api/operations/{}", text(&operation, "id"));
            }
            Ok(())
        }
        Action::Drop { letters } => {
            for letter in letters {
                door.send(Method::DELETE, &format!("/api/dead-letters/{letter}")).await?;
                println!("{letter}: dropped");
            }
            Ok(())
        }
    }
}

/// REST, for an admin.
struct Door {
    client: Client,
    base: String,
    token: String,
}

impl Door {
    async fn list(&self, service: Option<Service>) -> anyhow::Result<()> {
        let filter = service.map(|service| format!("&service={service}")).unwrap_or_default();
        let mut next = Some(format!("/api/dead-letters?limit=200{filter}"));
        while let Some(path) = next {
            let page = self.body(Method::GET, &path).await?;
            for letter in page.get("items").and_then(Value::as_array).into_iter().flatten() {
                let field = |name| text(letter, name);
                println!(
                    "{}\t{}\t{}\t{}\t{}\t{}",
                    field("id"),
                    field("buried_at"),
                    field("service"),
                    field("command"),
                    field("command_id"),
                    field("reason"),
                );
            }
            next = page.get("next").and_then(Value::as_str).map(str::to_owned);
        }
        Ok(())
    }

    async fn show(&self, letter: u64) -> anyhow::Result<()> {
        let letter = self.body(Method::GET, &format!("/api/dead-letters/{letter}")).await?;
        for name in ["id", "service", "command", "command_id", "actor", "buried_at", "reason", "size"] {
            println!("{name:<11} {}", text(&letter, name));
        }
        println!("\n{}", text(&letter, "payload"));
        Ok(())
    }

    async fn body(&self, method: Method, path: &str) -> anyhow::Result<Value> {
        Ok(self.send(method, path).await?.json().await?)
    }

    async fn send(&self, method: Method, path: &str) -> anyhow::Result<Response> {
        let request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let response =
            request.send().await.with_context(|| format!("nothing answers at {}; does marquee up run?", self.base))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Value = response.json().await.unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED => bail!("{} does not know this token", self.base),
            _ => bail!("{}: {}", text(&problem, "title"), text(&problem, "detail")),
        }
    }
}

/// A field as a person reads it; control characters, which could change what a terminal shows, are replaced.
fn text(value: &Value, field: &str) -> String {
    let text = match value.get(field) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
