//! Creating things through REST, each under an idempotency key: once, however often it is asked for.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

/// How long one answer may take; the gateway gives up after 10 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to try again when something is away, and the pause before that.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// A client of the gateway.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Rest {
    /// For the gateway at this address, such as `http://127.0.0.1:8080`, with an admin's token.
    pub(super) fn new(base: &str, token: String) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token: Some(token) })
    }

    /// The same without a token.
    pub(super) fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Creates one thing, or tells what was created under this key before. The inner error is a refusal, in words.
    pub(super) async fn create(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Result<Value, String>> {
        let mut tried = 0;
        loop {
            tried += 1;
            let request = self.client.post(format!("{}{path}", self.base)).header("Idempotency-Key", key).json(body);
            let request = match &self.token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let response = match request.send().await {
                Ok(response) => response,
                // Nobody is there, so nobody will be.
                Err(error) if tried == 1 && error.is_connect() => {
                    return Err(error)
                        .with_context(|| format!("nothing answers at {}; does marquee up run?", self.base));
                }
                Err(error) if tried == TRIES => return Err(error.into()),
                Err(_) => {
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let status = response.status();
            let answer = response.text().await.unwrap_or_default();
            let answer: Value = serde_json::from_str(&answer).unwrap_or(Value::String(answer));
            match status {
                StatusCode::CREATED => return Ok(Ok(answer)),
                _ if is_passing(status, &answer) && tried < TRIES => sleep(PAUSE).await,
                _ if status.is_client_error() => return Ok(Err(detail(&answer))),
                _ => bail!("POST {path} answers {status}: {}", detail(&answer)),
            }
        }
    }
}

/// Something is away, or the same request of an earlier run is still being worked on.
fn is_passing(status: StatusCode, answer: &Value) -> bool {
    let running = answer.get("type").and_then(Value::as_str) == Some("urn:marquee:problem:still-running");
    status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::ACCEPTED || running
}

fn detail(answer: &Value) -> String {
    answer.get("detail").and_then(Value::as_str).map_or_else(|| answer.to_string(), str::to_owned)
}
