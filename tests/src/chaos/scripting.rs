//! A script on NATS: commands as an operator gives them, asked or published.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::service::NATS_SERVICE_ERROR_CODE;
use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use contracts::subjects::headers;
use contracts::{Outcome, OutcomeStatus, Service};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use super::client::problem;
use super::history::Told;

/// How long a script waits for an answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// A connection of a script's.
#[derive(Clone)]
pub struct Scripting {
    client: Client,
}

impl Scripting {
    /// By this connection.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Asks for a command's outcome: `nats request cinema.ask.…`.
    pub async fn ask(&self, service: Service, command: &str, id: Uuid, payload: &Value) -> Told {
        let request = Request::new().headers(named(id)).payload(bytes(payload)).timeout(Some(PATIENCE));
        let reply = match self.client.send_request(service.ask(command), request).await {
            Ok(reply) => reply,
            Err(error) => return Told::Unknown { why: error.to_string() },
        };
        let code = reply.headers.as_ref().and_then(|headers| headers.get(NATS_SERVICE_ERROR_CODE));
        let status: u16 = code.and_then(|code| code.as_str().parse().ok()).unwrap_or(200);
        match (serde_json::from_slice::<Outcome>(&reply.payload), status) {
            (Ok(outcome), _) if outcome.status == OutcomeStatus::Accepted => {
                let body: Value = serde_json::from_str(outcome.body.get()).unwrap_or_default();
                let version = body["version"].as_u64();
                Told::Done { status: 200, body, version, position: Some(outcome.position) }
            }
            (Ok(outcome), 400..=499) => {
                let body = serde_json::from_str(outcome.body.get()).unwrap_or_default();
                Told::Refused { status, problem: problem(&body) }
            }
            (Err(_), 400..=499) => {
                let body = serde_json::from_slice(&reply.payload).unwrap_or_default();
                Told::Refused { status, problem: problem(&body) }
            }
            _ => Told::Unknown { why: format!("{status} {}", String::from_utf8_lossy(&reply.payload)) },
        }
    }

    /// Gives a command without waiting: `nats pub --jetstream cinema.cmd.…`.
    pub async fn publish(&self, service: Service, command: &str, id: Uuid, payload: &Value) -> Told {
        let jetstream = jetstream::new(self.client.clone());
        let acknowledged = async {
            let sent = jetstream.publish_with_headers(service.command(command), named(id), bytes(payload)).await?;
            sent.await
        };
        match timeout(PATIENCE, acknowledged).await {
            Ok(Ok(_)) => Told::Taken,
            Ok(Err(error)) => Told::Unknown { why: error.to_string() },
            Err(late) => Told::Unknown { why: late.to_string() },
        }
    }
}

fn named(id: Uuid) -> HeaderMap {
    let mut with = HeaderMap::new();
    with.insert(headers::MESSAGE_ID, id.to_string());
    with
}

fn bytes(payload: &Value) -> Bytes {
    payload.to_string().into()
}
