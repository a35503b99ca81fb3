//! HTTP as bytes, for what no well-behaved client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Api;

/// How long the gateway may take to answer or to close.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a gateway, without any manners.
pub struct Raw(TcpStream);

impl Raw {
    /// Connects.
    pub async fn connect(api: &Api) -> Self {
        let address = api.base().trim_start_matches("http://").to_owned();
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    /// Sends these bytes; false when the other side takes no more.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// What is answered, up to the end of the connection; fails the test if it stays open.
    pub async fn read_to_end(&mut self) -> String {
        let mut answer = Vec::new();
        // A reset is an end, too: what came before it counts.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut answer)).await.expect("the connection ends");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Says that nothing more will come.
    pub async fn finish(&mut self) {
        self.0.shutdown().await.ok();
    }

    /// What is answered to one request, which must ask for the connection to be closed.
    pub async fn exchange(api: &Api, request: &[u8]) -> String {
        let mut raw = Self::connect(api).await;
        raw.send(request).await;
        raw.read_to_end().await
    }
}
