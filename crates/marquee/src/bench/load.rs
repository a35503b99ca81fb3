//! The load generator: a process of its own, on one thread, that does as little as can be done for a request. It reads a
//! [`Plan`] from standard input, says when what it measures begins and ends, and then what it measured.
//!
//! Closed-loop, each connection sends its next request when it has the answer. With a rate, requests have a time at which
//! they are to begin, and their latency counts from there, however long they wait for a connection: so a system that
//! stalls is charged for all who would have come meanwhile (Gil Tene's "coordinated omission").

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

/// What the generator says when what it measures begins and ends.
pub(super) const BEGIN: &str = "begin";
pub(super) const END: &str = "end";
/// After how many reads comes a write, where both are wanted.
const MIX: u64 = 10;
/// What a connection reads at once; answers that are longer are read in several pieces.
const BUFFER: usize = 64 * 1024;
/// A head has at most so many lines.
const LINES: usize = 32;

/// What is to be done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Where the system answers.
    pub(super) address: SocketAddr,
    /// Who asks.
    pub(super) token: String,
    /// How many connections.
    pub(super) connections: usize,
    /// How many requests a second are to begin; without it, as many as are answered.
    pub(super) rate: Option<f64>,
    /// How long, in seconds, before anything is measured, and then while it is.
    pub(super) warm_up: f64,
    pub(super) seconds: f64,
    /// Paths that are read, over and over.
    pub(super) reads: Vec<String>,
    /// Bodies for `POST /api/bookings`, each sent once. With reads, every tenth request is one of these.
    pub(super) writes: Vec<String>,
}

/// What was measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// How long it was measured.
    pub(super) seconds: f64,
    /// How many answers there were with each status; 0 for none.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Latencies of those, in microseconds.
    pub(super) p50: u32,
    pub(super) p90: u32,
    pub(super) p99: u32,
    pub(super) max: u32,
    /// The bookings that were made, before the measuring as well.
    pub(super) created: Vec<String>,
    /// How many of the bodies were sent.
    pub(super) written: usize,
}

/// Reads a plan, carries it out, and says what was measured.
///
/// # Errors
/// When the plan can't be read or the system can't be reached.
pub fn run() -> anyhow::Result<()> {
    let plan: Plan = serde_json::from_reader(std::io::stdin().lock()).context("the plan can't be read")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = LocalSet::new().block_on(&runtime, carry_out(plan))?;
    say(&serde_json::to_string(&measured)?)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// What all connections share.
struct Shared {
    plan: Plan,
    began: Instant,
    from: Instant,
    until: Instant,
    next: Cell<u64>,
    next_write: Cell<usize>,
    latencies: RefCell<Vec<u32>>,
    measured: RefCell<Measured>,
}

async fn carry_out(plan: Plan) -> anyhow::Result<Measured> {
    let mut streams = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        let stream = TcpStream::connect(plan.address).await.context("nothing answers")?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let began = Instant::now();
    let from = began + Duration::from_secs_f64(plan.warm_up);
    let shared = Rc::new(Shared {
        began,
        from,
        until: from + Duration::from_secs_f64(plan.seconds),
        plan,
        next: Cell::default(),
        next_write: Cell::default(),
        latencies: RefCell::default(),
        measured: RefCell::default(),
    });
    let tasks: Vec<_> =
        streams.into_iter().map(|stream| tokio::task::spawn_local(connection(stream, Rc::clone(&shared)))).collect();
    sleep_until(shared.from).await;
    say(BEGIN)?;
    for task in tasks {
        task.await??;
    }
    say(END)?;
    let (mut latencies, mut measured) = (shared.latencies.take(), shared.measured.take());
    // What has begun in time is waited for where requests have a time; else what is answered in time counts.
    let end = if shared.plan.rate.is_some() { Instant::now() } else { Instant::now().min(shared.until) };
    measured.seconds = (end - shared.from).as_secs_f64();
    measured.written = shared.next_write.get().min(shared.plan.writes.len());
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
    (measured.p50, measured.p90, measured.p99) = (at(0.5), at(0.9), at(0.99));
    measured.max = latencies.last().copied().unwrap_or_default();
    Ok(measured)
}

async fn connection(mut stream: TcpStream, shared: Rc<Shared>) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut request = Vec::new();
    loop {
        let number = shared.next.get();
        shared.next.set(number + 1);
        let mut begin = Instant::now();
        if let Some(rate) = shared.plan.rate {
            begin = shared.began + Duration::from_secs_f64(number as f64 / rate);
            if begin < shared.until {
                sleep_until(begin).await;
            }
        }
        if begin >= shared.until || !write_request(&shared, number, &mut request) {
            return Ok(());
        }
        stream.write_all(&request).await?;
        let status = answer(&mut stream, &mut buffer, &shared).await?;
        let end = Instant::now();
        if begin >= shared.from && (end <= shared.until || shared.plan.rate.is_some()) {
            let latency = u32::try_from((end - begin).as_micros()).unwrap_or(u32::MAX);
            shared.latencies.borrow_mut().push(latency);
            *shared.measured.borrow_mut().statuses.entry(status).or_default() += 1;
        }
    }
}

/// False when all that is sent once has been sent.
fn write_request(shared: &Shared, number: u64, request: &mut Vec<u8>) -> bool {
    let Plan { reads, writes, token, .. } = &shared.plan;
    let is_write = reads.is_empty() || (!writes.is_empty() && number.is_multiple_of(MIX));
    request.clear();
    // Writing into memory does not fail.
    if is_write {
        let place = shared.next_write.get();
        shared.next_write.set(place + 1);
        let Some(body) = writes.get(place) else { return false };
        let length = body.len();
        let _ = write!(
            request,
            "POST /api/bookings HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        return true;
    }
    let place = usize::try_from(number).unwrap_or_default() % reads.len();
    let Some(path) = reads.get(place) else { return false };
    let _ = write!(request, "GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
    true
}

/// Reads one answer to its end; its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>, shared: &Shared) -> anyhow::Result<u16> {
    buffer.clear();
    let (status, body, end) = loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the system closed a connection");
        }
        if let Some(head) = head(buffer)? {
            break head;
        }
    };
    while buffer.len() < end {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the system closed a connection");
        }
    }
    if status == 201
        && let Some(id) = buffer.get(body..).and_then(id)
    {
        shared.measured.borrow_mut().created.push(id);
    }
    Ok(status)
}

/// The status of an answer, where its body begins and where it ends; `None` until the head is whole.
fn head(buffer: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut answer = httparse::Response::new(&mut lines);
    let httparse::Status::Complete(body) = answer.parse(buffer)? else { return Ok(None) };
    let length = answer.headers.iter().find(|line| line.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|line| std::str::from_utf8(line.value).ok()?.parse::<usize>().ok());
    let length = length.context("an answer does not tell its length")?;
    Ok(Some((answer.code.unwrap_or_default(), body, body + length)))
}

/// The id of what was created, which comes first in what is answered.
fn id(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    text.strip_prefix("{\"id\":\"")?.split_once('"').map(|(id, _)| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"id\":\"abc\"}";
        assert_eq!(head(text).unwrap(), Some((201, 44, 56)));
        assert_eq!(head(&text[..20]).unwrap(), None);
        assert_eq!(id(&text[44..]).as_deref(), Some("abc"));
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
