//! Free ports on this machine.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;

/// Below every system's range for outgoing connections. From inside that range, a client that reconnects to a server
/// which is away can be given the server's own port, and so connect to itself and keep the server out.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The ports that this process has given out: whoever got one may not listen on it yet.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port on 127.0.0.1 that nobody listens on, and that was not given out before. Random, so that two processes which look
/// at once rarely find the same.
///
/// # Errors
/// When there is none.
pub fn free() -> anyhow::Result<u16> {
    let mut random = [0; 2];
    getrandom::fill(&mut random)?;
    let start = u16::from_ne_bytes(random) % COUNT;
    for offset in 0..COUNT {
        let port = FIRST + (start + offset) % COUNT;
        if is_free(port) && GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 from {FIRST} to {}", FIRST + COUNT - 1)
}

/// True when nobody listens on this port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
