//! Creating things through REST, each under an idempotency key: once, however often it is asked for.

use std::time::Duration;

use anyhow::bail;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

use crate::rest::Rest;

/// How often to try again when something is away, and the pause before that.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

impl Rest {
    /// Creates one thing, or tells what was created under this key before. The inner error is a refusal, in words.
    pub(super) async fn create(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Result<Value, String>> {
        let mut tried = 0;
        loop {
            tried += 1;
            let request = self.request(Method::POST, path).header("Idempotency-Key", key).json(body);
            let response = match request.send().await {
                Ok(response) => response,
                // Nobody is there, so nobody will be.
                Err(error) if tried == 1 && error.is_connect() => return self.nobody(Err(error)),
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
