//! `marquee dlq`: dead letters at the command line, through REST.

use anyhow::bail;
use clap::Subcommand;
use contracts::Service;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::rest::{Rest, RestArgs};

/// What `marquee dlq` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    rest: RestArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Lists dead letters, the oldest first: number, time, service, command, its id, reason
    List {
        /// Only of this service: users, movies or bookings
        #[arg(long)]
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

/// Does what was asked for.
///
/// # Errors
/// In words, when the gateway doesn't answer or refuses.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let rest = Rest::new(args.rest)?;
    match args.action {
        Action::List { service } => list(&rest, service).await,
        Action::Show { letter } => show(&rest, letter).await,
        Action::Retry { letters } => {
            for letter in letters {
                let operation = body(&rest, Method::POST, &format!("/api/dead-letters/{letter}/retry")).await?;
                println!("{letter}: sent again; what becomes of it: /api/operations/{}", text(&operation, "id"));
            }
            Ok(())
        }
        Action::Drop { letters } => {
            for letter in letters {
                send(&rest, Method::DELETE, &format!("/api/dead-letters/{letter}")).await?;
                println!("{letter}: dropped");
            }
            Ok(())
        }
    }
}

async fn list(rest: &Rest, service: Option<Service>) -> anyhow::Result<()> {
    let filter = service.map(|service| format!("&service={service}")).unwrap_or_default();
    let mut next = Some(format!("/api/dead-letters?limit=200{filter}"));
    while let Some(path) = next {
        let page = body(rest, Method::GET, &path).await?;
        for letter in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let fields = ["id", "buried_at", "service", "command", "command_id", "reason"];
            println!("{}", fields.map(|name| text(letter, name)).join("\t"));
        }
        next = page.get("next").and_then(Value::as_str).map(str::to_owned);
    }
    Ok(())
}

async fn show(rest: &Rest, letter: u64) -> anyhow::Result<()> {
    let letter = body(rest, Method::GET, &format!("/api/dead-letters/{letter}")).await?;
    for name in ["id", "service", "command", "command_id", "actor", "buried_at", "reason", "size"] {
        println!("{name:<11} {}", text(&letter, name));
    }
    println!("\n{}", text(&letter, "payload"));
    Ok(())
}

async fn body(rest: &Rest, method: Method, path: &str) -> anyhow::Result<Value> {
    Ok(send(rest, method, path).await?.json().await?)
}

async fn send(rest: &Rest, method: Method, path: &str) -> anyhow::Result<Response> {
    let response = rest.nobody(rest.request(method, path).send().await)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let problem: Value = response.json().await.unwrap_or_default();
    match status {
        StatusCode::UNAUTHORIZED => bail!("{} does not know this token", rest.base()),
        _ => bail!("{}: {}", text(&problem, "title"), text(&problem, "detail")),
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
