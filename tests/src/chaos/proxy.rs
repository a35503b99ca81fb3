//! A line between two programs that can be harmed: a TCP proxy.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What is read at once.
const CHUNK: usize = 16 * 1024;

/// How a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It carries what it is given.
    Whole,
    /// Connections are reset, and new ones as soon as they are made.
    Cut,
    /// What it carries arrives so much later, each way.
    Delayed(Duration),
    /// It takes everything and carries nothing, and nobody is told. Connections are reset when this is over, since what
    /// they lost can't be had again.
    HalfOpen,
}

/// A line. Dropped, it takes no more connections.
#[derive(Debug)]
pub struct Line {
    state: watch::Sender<State>,
    address: SocketAddr,
}

impl Line {
    /// A whole line to this port of 127.0.0.1. Call it in a runtime.
    ///
    /// # Errors
    /// When there is no port for it.
    pub fn to(port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let (listener, address) = (TcpListener::from_std(listener.try_clone()?)?, listener.local_addr()?);
        let (state, states) = watch::channel(State::Whole);
        tokio::spawn(accept(listener, port, states));
        Ok(Self { state, address })
    }

    /// Where to connect to instead.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on it is like this.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn accept(listener: TcpListener, port: u16, mut states: watch::Receiver<State>) {
    let mut carried = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = carried.join_next() => continue,
            // Nothing is waited for but that the line is dropped.
            _ = states.wait_for(|_| false) => return,
        };
        match accepted {
            Ok((near, _)) => drop(carried.spawn(carry(near, port, states.clone()))),
            // Such as too many open files: one less when a connection has ended. Whoever connects tries again.
            Err(_) => drop(carried.join_next().await),
        }
    }
}

/// Carries one connection to its end.
async fn carry(near: TcpStream, port: u16, states: watch::Receiver<State>) {
    // Closing is a reset from here on: who is cut off notices at once.
    let _ = near.set_zero_linger();
    let _ = near.set_nodelay(true);
    let broken = broken(states.clone());
    let carried = async {
        let far = connect(port, states.clone()).await?;
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        tokio::select! {
            done = pump(near_in, far_out, states.clone()) => done,
            done = pump(far_in, near_out, states) => done,
        }
    };
    tokio::select! {
        _ = carried => {}
        () = broken => {}
    }
}

/// Nobody answers on a half-open line, so there is no connection before that is over.
async fn connect(port: u16, mut states: watch::Receiver<State>) -> io::Result<TcpStream> {
    let _ = states.wait_for(|state| *state != State::HalfOpen).await;
    let far = TcpStream::connect(("127.0.0.1", port)).await?;
    far.set_zero_linger()?;
    far.set_nodelay(true)?;
    Ok(far)
}

/// Returns when connections end that have been made by now.
async fn broken(mut states: watch::Receiver<State>) {
    let harmed = states.wait_for(|state| matches!(state, State::Cut | State::HalfOpen)).await.map(|state| *state);
    if harmed.is_ok_and(|state| state == State::HalfOpen) {
        let _ = states.wait_for(|state| *state != State::HalfOpen).await;
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut states: watch::Receiver<State>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        let state = *states.borrow();
        match state {
            State::Whole => {}
            // Unless the line is whole again before that.
            State::Delayed(pause) => drop(timeout(pause, states.wait_for(|state| *state == State::Whole)).await),
            State::Cut | State::HalfOpen => continue,
        }
        to.write_all(&chunk[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Answers every byte with the same.
    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        port
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_all(b"x").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn a_line_carries_is_late_is_silent_and_breaks() {
        let line = Line::to(echo().await).unwrap();
        let mut stream = TcpStream::connect(line.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');

        line.set(State::Delayed(Duration::from_millis(40)));
        let begun = Instant::now();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');
        assert!(begun.elapsed() >= Duration::from_millis(80));

        line.set(State::HalfOpen);
        let silent = timeout(Duration::from_millis(100), ask(&mut stream)).await;
        assert!(silent.is_err(), "nothing comes back, and nobody is told");
        line.set(State::Whole);
        assert!(ask(&mut stream).await.is_err(), "what lost something does not go on");

        let mut stream = TcpStream::connect(line.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');
        line.set(State::Cut);
        assert!(ask(&mut stream).await.is_err());
    }
}
