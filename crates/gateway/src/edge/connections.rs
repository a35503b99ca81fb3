//! Connections: how many, how long, and what a client may do with one before a request is whole.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::proxies::Proxies;
use super::{EdgeArgs, tls};
use crate::app::App;

/// The head of a request, its first line included, has at most this many bytes; a longer one is answered with 431.
const HEAD_LIMIT: usize = 16 * 1024;
/// What a connection keeps in memory of what it has read and nobody has taken yet.
const BUFFER: usize = 64 * 1024;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What the kernel keeps of what a client has not taken; it doubles this. Left to itself it keeps megabytes, for each.
const UNSENT: u32 = 128 << 10;
/// Connections that wait to be taken in.
const BACKLOG: u32 = 1024;
/// How long all connections may take to end after the process was told to.
const DRAIN: Duration = Duration::from_secs(8);
/// The pause after an accept failed that was not the client's fault: too many open files, mostly.
const PAUSE: Duration = Duration::from_secs(1);

/// How connections are taken in.
pub struct Connections {
    tls: Option<TlsAcceptor>,
    proxies: Proxies,
    /// One permit for each connection that may be open.
    room: Arc<Semaphore>,
    http: http1::Builder,
    /// How long a client may not take any of what it is sent.
    unread: Duration,
}

/// Listens on this address.
///
/// # Errors
/// When it is taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // What is taken in has it from here.
    socket.set_send_buffer_size(UNSENT)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Connections {
    /// As the arguments say.
    ///
    /// # Errors
    /// In words, when the certificate or its key can't be used.
    pub fn new(args: &EdgeArgs) -> anyhow::Result<Self> {
        let files = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
        let mut http = http1::Builder::new();
        // hyper's one patience for both: for the next request to begin, and for its head to be whole.
        http.timer(TokioTimer::new()).header_read_timeout(args.idle_timeout);
        http.max_header_size(HEAD_LIMIT).max_buf_size(BUFFER);
        Ok(Self {
            tls: files.map(|(certificates, key)| tls::acceptor(certificates, key)).transpose()?,
            proxies: Proxies::new(args.trusted_proxies.clone()),
            room: Arc::new(Semaphore::new(usize::try_from(args.max_connections)?)),
            http,
            unread: args.unread_timeout,
        })
    }

    /// How URLs of this gateway begin.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Answers requests until `shutdown`, and then those that have been begun, as far as they come to an end in time.
    pub async fn serve(self, listener: TcpListener, app: App, shutdown: CancellationToken) {
        let this = Arc::new(self);
        let open = GracefulShutdown::new();
        loop {
            let (stream, peer, permit) = tokio::select! {
                taken = this.take(&listener) => taken,
                () = shutdown.cancelled() => break,
            };
            let (this, app, watcher, shutdown) = (Arc::clone(&this), app.clone(), open.watcher(), shutdown.clone());
            tokio::spawn(async move {
                if let Err(error) = this.answer(stream, peer, app, watcher, &shutdown).await {
                    tracing::debug!(%error, %peer, "a connection ended");
                }
                drop(permit);
            });
        }
        drop(listener);
        if timeout(DRAIN, open.shutdown()).await.is_err() {
            tracing::warn!("not every connection was closed in time");
        }
    }

    /// The next connection, as soon as there is room for it.
    async fn take(&self, listener: &TcpListener) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        loop {
            if self.room.available_permits() == 0 {
                tracing::warn!("as many connections are open as may be; further ones wait");
            }
            // Nobody closes the semaphore.
            let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { std::future::pending().await };
            match listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, permit),
                Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection came to nothing"),
                Err(error) => {
                    tracing::error!(%error, "no connection can be taken in");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn answer(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        app: App,
        watcher: Watcher,
        shutdown: &CancellationToken,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Small answers must not wait for the acknowledgement of the one before.
        stream.set_nodelay(true)?;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.unread));
        let stream = Box::pin(stream);
        match &self.tls {
            None => self.speak(stream, peer, app, watcher).await?,
            Some(tls) => {
                let stream = tokio::select! {
                    shaken = timeout(HANDSHAKE, tls.accept(stream)) => shaken??,
                    () = shutdown.cancelled() => return Ok(()),
                };
                self.speak(Box::pin(stream), peer, app, watcher).await?;
            }
        }
        Ok(())
    }

    /// Speaks HTTP/1.1 until either side has enough.
    async fn speak<S>(&self, stream: Pin<Box<S>>, peer: SocketAddr, app: App, watcher: Watcher) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let proxies = self.proxies.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            let client = proxies.client(peer.ip(), request.headers());
            request.extensions_mut().insert(client);
            app.clone().answer(request).map(Ok::<_, Infallible>)
        });
        watcher.watch(self.http.serve_connection(TokioIo::new(stream), service)).await
    }
}

/// True for what only says that one client is gone again.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Extension, Router};
    use clap::Parser;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::app::with_manners;
    use crate::edge::{Browsers, ClientAddress};

    /// Only the arguments of the edge.
    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        edge: EdgeArgs,
    }

    /// Who the gateway with these arguments takes a client on this machine for, that says it forwards for another.
    async fn taken_for(arguments: &[&str]) -> String {
        let args = Args::parse_from(["gateway"].iter().chain(arguments));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route(
            "/",
            get(|Extension(ClientAddress(client)): Extension<ClientAddress>| async move { client.to_string() }),
        );
        let (app, shutdown) = (with_manners(app, Browsers::default()), CancellationToken::new());
        let serving = tokio::spawn(Connections::new(&args.edge).unwrap().serve(listener, app, shutdown.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nx-forwarded-for: 1.1.1.1, 198.51.100.7\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 1000];
        let length = stream.read(&mut answer).await.unwrap();
        // The connection is idle, so that nothing has to be waited for.
        shutdown.cancel();
        timeout(DRAIN / 2, serving).await.unwrap().unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        TcpStream::connect(address).await.unwrap_err();
        String::from_utf8_lossy(&answer[..length]).rsplit("\r\n\r\n").next().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_request_knows_who_sent_it() {
        assert_eq!(taken_for(&[]).await, "127.0.0.1");
        assert_eq!(taken_for(&["--trusted-proxies", "10.0.0.0/8"]).await, "127.0.0.1");
        assert_eq!(taken_for(&["--trusted-proxies", "10.0.0.0/8,127.0.0.1"]).await, "198.51.100.7");
    }
}
