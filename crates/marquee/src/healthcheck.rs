//! `marquee healthcheck`: what a container asks, without curl in its image.

use std::time::Duration;

use anyhow::{Context, bail};

/// Shorter than the 5 s after which compose.yaml gives up, so that the reason gets said.
const PATIENCE: Duration = Duration::from_secs(3);

/// Succeeds when a GET of `url` answers 200.
///
/// # Errors
/// In words: what it answered, or that it did not.
pub async fn run(url: &str) -> anyhow::Result<()> {
    // A proxy has no business between a container and itself.
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let response = client.get(url).send().await.with_context(|| format!("{url} does not answer"))?;
    let status = response.status();
    if status != reqwest::StatusCode::OK {
        bail!("{url} answers {status}: {}", response.text().await.unwrap_or_default().trim_end());
    }
    Ok(())
}
