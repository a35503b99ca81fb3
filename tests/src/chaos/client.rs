//! One client: it makes one request at a time, by whichever door, and notes each with what it was told.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use contracts::{Positions, Service};
use gateway::{command_id, created_id};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use super::history::{Call, Door, Told};
use super::record::Record;
use super::scripting::Scripting;
use crate::{Answer, Api};

/// How often a command is sent again that nobody could tell the outcome of.
const REPEATS: u32 = 3;
/// How long to wait before that, unless the run is over.
const PAUSE: Duration = Duration::from_millis(300);

/// A gateway, as clients reach it.
#[derive(Debug)]
pub struct Gate {
    /// REST, for nobody.
    pub api: Api,
    /// How often it was started. A gateway that was started anew remembers nobody.
    pub births: AtomicU32,
}

/// A command, by each door where it can be given.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who decides it.
    pub service: Service,
    /// Its name.
    pub command: &'static str,
    /// The thing that it creates, such as `booking`.
    pub creates: Option<&'static str>,
    /// What it changes.
    pub changes: Option<Uuid>,
    /// Method, path and body at REST.
    pub rest: Option<(Method, String, Value)>,
    /// The payload on NATS.
    pub nats: Option<Value>,
    /// Whether it says itself who gives it, so that nobody needs to be signed in.
    pub anonymous: bool,
}

/// What became of a command.
#[derive(Clone, Debug)]
pub struct Given {
    /// What it creates or changes.
    pub entity: Option<Uuid>,
    /// What the client was told at last.
    pub told: Told,
}

/// A client.
pub struct Client {
    /// Which one.
    pub number: u32,
    /// What it chooses by.
    pub rng: SmallRng,
    /// Who it is, as far as commands' ids go: `anonymous` until it has signed in.
    pub account: String,
    /// What it shows to prove that.
    pub token: Option<String>,
    /// How likely it is to use NATS where it can.
    pub scripted: f64,
    /// Whether it waits for every outcome, and asks once: while nobody does any harm.
    pub is_calm: bool,
    seed: u64,
    gates: Arc<[Gate]>,
    gate: usize,
    /// What each gateway has told since which start of it: as long as that lives, it remembers.
    told_by: Vec<(u32, Positions)>,
    seen: Positions,
    record: Arc<Record>,
    scripting: Scripting,
    over: watch::Receiver<bool>,
    count: u32,
}

impl Client {
    /// One that has not signed in.
    pub fn new(
        number: u32,
        seed: u64,
        gates: Arc<[Gate]>,
        record: Arc<Record>,
        scripting: Scripting,
        over: watch::Receiver<bool>,
    ) -> Self {
        let gate = number as usize % gates.len();
        Self {
            number,
            rng: SmallRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9).wrapping_add(number.into())),
            account: "anonymous".into(),
            token: None,
            scripted: 0.0,
            is_calm: true,
            seed,
            gates,
            gate,
            told_by: Vec::new(),
            seen: Positions::default(),
            record,
            scripting,
            over,
            count: 0,
        }
    }

    /// Whether something is to be that is so with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    /// Whether it is time to stop.
    pub fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Gives a command; when nobody can tell what became of it, mostly the same again under the same id.
    pub async fn give(&mut self, order: &Order) -> Given {
        self.count += 1;
        if self.chance(0.1) {
            self.change_gates();
        }
        let key = format!("chaos-{}-{}-{}", self.seed, self.number, self.count);
        let by_nats = order.rest.is_none() || (order.nats.is_some() && self.chance(self.scripted));
        let id = match &order.rest {
            Some((method, path, _)) if !by_nats => {
                let account = if order.anonymous { "anonymous" } else { &self.account };
                command_id(account, method.as_str(), path, &key)
            }
            _ => command_id("operator", "NATS", &order.service.command(order.command), &key),
        };
        let entity = order.creates.map(|thing| created_id(id, thing)).or(order.changes);
        let publish = by_nats && self.chance(0.4);
        let prefer = ["", "", "wait=3", "respond-async"][self.rng.random_range(0..4)];
        let mut tried = 0;
        loop {
            let told = match (&order.rest, &order.nats) {
                (Some((method, path, body)), _) if !by_nats => {
                    let mut headers = vec![("idempotency-key", key.clone())];
                    // With the outcome at hand or not: a session needs its tokens.
                    if !prefer.is_empty() && !self.is_calm && order.creates != Some("session") {
                        headers.push(("prefer", prefer.to_owned()));
                    }
                    let called = Called { command_id: Some(id.0), entity, name: named(order) };
                    let token = self.token.clone().filter(|_| !order.anonymous);
                    self.rest(method.clone(), path, body, &headers, token, called).await.1
                }
                (_, Some(payload)) => self.script(order, id.0, entity, payload, publish).await,
                _ => return Given { entity, told: Told::Unknown { why: "there is no door for it".into() } },
            };
            tried += 1;
            let repeat = match &told {
                Told::Unknown { .. } => tried <= REPEATS && self.chance(0.75),
                Told::Refused { problem, .. } => problem == "still-running" && tried <= REPEATS,
                // Once in a while a client forgets that it was told.
                Told::Done { .. } | Told::Taken => tried == 1 && self.chance(0.05),
            };
            if !repeat || self.is_over() || self.is_calm {
                return Given { entity, told };
            }
            let _ = timeout(PAUSE, self.over.wait_for(|over| *over)).await;
        }
    }

    /// Reads a path that is about one thing.
    pub async fn read(&mut self, path: &str, entity: Option<Uuid>) -> Option<Answer> {
        if self.chance(0.1) {
            self.change_gates();
        }
        let called = Called { command_id: None, entity, name: format!("GET {path}") };
        self.rest(Method::GET, path, &Value::Null, &[], self.token.clone(), called).await.0
    }

    /// From now on it is this account, with this token. No gateway remembers anything of it.
    pub fn becomes(&mut self, account: String, token: String) {
        (self.account, self.token) = (account, Some(token));
        self.told_by.clear();
    }

    /// Whether the gateway knows by itself what this client must not read older than.
    fn is_remembered(&self, births: u32) -> bool {
        let told = self.told_by.get(self.gate).filter(|(start, _)| *start == births);
        self.seen.iter().all(|(service, position)| told.is_some_and(|(_, told)| told.get(service) >= position))
    }

    fn has_told(&mut self, births: u32, positions: &Positions) {
        self.told_by.resize(self.gates.len(), (0, Positions::default()));
        if let Some(told) = self.told_by.get_mut(self.gate) {
            if told.0 != births {
                *told = (births, Positions::default());
            }
            told.1.merge(positions);
        }
    }

    /// Comes back through another gateway.
    fn change_gates(&mut self) {
        self.gate = self.rng.random_range(0..self.gates.len());
    }

    async fn rest(
        &mut self,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&str, String)],
        token: Option<String>,
        called: Called,
    ) -> (Option<Answer>, Told) {
        let gate = &self.gates[self.gate];
        let births = gate.births.load(Ordering::SeqCst);
        let api = token.map_or_else(|| gate.api.clone(), |token| gate.api.with_token(token));
        let mut request = api.request(method, path);
        for (header, value) in headers {
            request = request.header(*header, value);
        }
        if !self.is_remembered(births) {
            request = request.header("marquee-min-position", self.seen.to_string());
        }
        if !body.is_null() {
            request = request.json(body);
        }
        // Patience is limited, and not the same every time.
        request = request.timeout(Duration::from_millis(self.rng.random_range(2000..12_000)));
        let began = self.record.now();
        let answer = api.try_send(request).await;
        let told = match &answer {
            Ok(answer) => told(answer),
            Err(error) => Told::Unknown { why: causes(error) },
        };
        let positions = answer.as_ref().ok().and_then(|answer| positions(&answer.headers));
        if let Some(positions) = &positions {
            self.seen.merge(positions);
            self.has_told(births, positions);
        }
        if answer.is_err() {
            self.change_gates();
        }
        self.note(called, began, Door::Rest, body.clone(), told.clone());
        (answer.ok(), told)
    }

    async fn script(&mut self, order: &Order, id: Uuid, entity: Option<Uuid>, payload: &Value, publish: bool) -> Told {
        let began = self.record.now();
        let door = if publish { Door::Publish } else { Door::Ask };
        let told = if publish {
            self.scripting.publish(order.service, order.command, id, payload).await
        } else {
            self.scripting.ask(order.service, order.command, id, payload).await
        };
        if let Told::Done { position: Some(position), .. } = told {
            // No gateway knows of it.
            self.seen.merge(&Positions::of(order.service, position));
        }
        let called = Called { command_id: Some(id), entity, name: named(order) };
        self.note(called, began, door, payload.clone(), told.clone());
        told
    }

    fn note(&self, called: Called, began: u64, door: Door, input: Value, told: Told) {
        let Called { command_id, entity, name } = called;
        let (client, ended) = (self.number, self.record.now());
        self.record.call(Call { client, began, ended, door, name, command_id, entity, input, told });
    }
}

/// What a call is about.
struct Called {
    command_id: Option<Uuid>,
    entity: Option<Uuid>,
    name: String,
}

fn named(order: &Order) -> String {
    format!("{}.{}", order.service, order.command)
}

fn positions(headers: &HeaderMap) -> Option<Positions> {
    headers.get("marquee-position")?.to_str().ok()?.parse().ok()
}

fn told(answer: &Answer) -> Told {
    match answer.status {
        202 => Told::Taken,
        status @ (200..=299 | 304) => Told::Done {
            status,
            body: answer.body.clone(),
            version: answer.headers.get("etag").and_then(|etag| etag.to_str().ok()?.trim_matches('"').parse().ok()),
            position: positions(&answer.headers).and_then(|seen| seen.iter().map(|(_, position)| position).max()),
        },
        status @ 400..=499 => Told::Refused { status, problem: problem(&answer.body) },
        status => Told::Unknown { why: format!("{status} {}", answer.body["detail"].as_str().unwrap_or_default()) },
    }
}

/// An error with all that led to it.
fn causes(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", causes(source)),
        None => error.to_string(),
    }
}

/// The last part of a problem's type.
pub(super) fn problem(body: &Value) -> String {
    let problem = body["type"].as_str().unwrap_or_default();
    problem.strip_prefix(contracts::problem::TYPE_PREFIX).unwrap_or(problem).to_owned()
}
