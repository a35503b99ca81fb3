//! A service, put together from what it decides, answers, projects and reacts to.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use async_nats::{Message, jetstream};
use chrono::{TimeDelta, Utc};
use contracts::message::{MessageSpec, QueryKind, decode, schema_of};
use contracts::operations::{self, GetOperation, OPERATION};
use contracts::subjects::headers as names;
use contracts::{Actor, Case, CommandSet, EventSet, Outcome, Problem, Query};
use diesel_migrations::EmbeddedMigrations;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::{Client, Order};
use crate::commands::CommandLoop;
use crate::committed::Committed;
use crate::database::Database;
use crate::dead_letters::DeadLetters;
use crate::domain::{Around, Domain};
use crate::endpoints::{self, Endpoint, Projected, encode};
use crate::erasure::Eraser;
use crate::follower::{Checkpoint, Follower, Work};
use crate::handover::Handover;
use crate::health::Health;
use crate::lease::Lease;
use crate::monitor::{Followed, Monitor};
use crate::process::{self, ServiceArgs};
use crate::progress::{Progress, progress};
use crate::projector::{Projection, Projector};
use crate::pruning::Pruner;
use crate::reactions::{Reaction, Reactor};
use crate::relay::Relay;
use crate::room::Bounds;
use crate::stranded::Stranded;
use crate::{audit, commands, headers, intake, migrations, outcomes};

/// Connections to the store that are shared: each message that was heard, the relay, committed state and each reaction need
/// one at a time, and so does each query.
const SHARED: usize = 12;
/// How long an answered command waits for its outcome where the caller does not say when it expires.
const WAIT: TimeDelta = TimeDelta::seconds(10);
/// How long a service that was told to stop may take.
const DRAIN: Duration = Duration::from_secs(8);
/// How long what it has promised may take after that: it takes a fiftieth.
const LAST_PROMISE: Duration = Duration::from_secs(1);

/// What an endpoint or a background task is made from.
struct Parts<D: Domain> {
    around: Around,
    database_url: String,
    committed: Committed<D>,
    lease: Lease,
    jetstream: jetstream::Context,
    health: Health,
    shutdown: CancellationToken,
    tracker: TaskTracker,
    projected: Projected,
    followed: Vec<Followed>,
    dead_letters: DeadLetters,
    /// What is committed here.
    handover: Arc<Handover>,
}

type MakeEndpoint<D> = Box<dyn FnOnce(&Parts<D>) -> Endpoint + Send>;
type StartFollower<D> = Box<dyn FnOnce(&mut Parts<D>) -> anyhow::Result<()> + Send>;

/// A service.
pub struct Service<D: Domain> {
    description: &'static str,
    migrations: EmbeddedMigrations,
    endpoints: Vec<MakeEndpoint<D>>,
    followers: Vec<StartFollower<D>>,
}

impl<D: Domain> Service<D> {
    /// A service that decides commands, with a sentence for `nats micro info` and the migrations of its own tables.
    pub fn new(description: &'static str, migrations: EmbeddedMigrations) -> Self {
        let audited = |parts: &Parts<D>| audit::endpoint(D::Command::SERVICE, parts.around.database.clone());
        let mut endpoints: Vec<MakeEndpoint<D>> = vec![Box::new(operation), Box::new(audited)];
        for spec in D::Command::specs() {
            endpoints.push(Box::new(move |parts| answered_command(parts, spec)));
        }
        Self { description, migrations, endpoints, followers: Vec::new() }
    }

    /// Answers a query from read tables, once they have come as far as the caller has seen.
    pub fn query<Q, H, F>(mut self, handler: H) -> Self
    where
        Q: Query,
        H: Fn(Database, Q) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Q::Reply, Problem>> + Send + 'static,
    {
        self.endpoints.push(Box::new(move |parts| {
            let database = parts.around.database.clone();
            question(QueryKind::Query, move |query: Q| handler(database.clone(), query))
        }));
        self
    }

    /// Answers a question of another service from committed state.
    pub fn rpc<Q, H, F>(mut self, handler: H) -> Self
    where
        Q: Query,
        H: Fn(Committed<D>, Q) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Q::Reply, Problem>> + Send + 'static,
    {
        self.endpoints.push(Box::new(move |parts| {
            let committed = parts.committed.clone();
            question(QueryKind::Rpc, move |query: Q| handler(committed.clone(), query))
        }));
        self
    }

    /// Keeps read tables.
    pub fn project<P: Projection>(mut self) -> Self {
        self.followers.push(Box::new(|parts| {
            let work = Projector::<P>::new(parts.writing()?);
            let progress = parts.follow(Projector::<P>::CHECKPOINT, work);
            parts.projected.push((P::Event::SERVICE, progress));
            Ok(())
        }));
        self
    }

    /// Turns events into commands.
    pub fn react<R: Reaction>(mut self) -> Self {
        self.followers.push(Box::new(|parts| {
            let (database, client) = (parts.around.database.clone(), parts.around.client.clone());
            let work = Reactor::<R>::new(database, client, parts.shutdown.clone());
            parts.follow(Reactor::<R>::CHECKPOINT, work);
            Ok(())
        }));
        self
    }

    /// Removes dead letters that mention what was [noted](crate::erasure::note) as erased.
    pub fn erase(mut self) -> Self {
        self.followers.push(Box::new(|parts| {
            let eraser = Eraser {
                database: parts.around.database.clone(),
                letters: parts.dead_letters.clone(),
                health: parts.health.check("erasures"),
            };
            parts.tracker.spawn(eraser.run(parts.shutdown.clone()));
            Ok(())
        }));
        self
    }

    /// Runs until SIGTERM or Ctrl-C, and then until what has been begun is done.
    ///
    /// # Errors
    /// When it can't be started: a wrong address, a migration that fails.
    pub async fn run(self, args: ServiceArgs) -> anyhow::Result<()> {
        let service = D::Command::SERVICE;
        let shutdown = process::shutdown_signal();
        let health = Health::new();
        let started = health.check("start");
        process::serve_health(&args.common, service.name(), health.clone(), shutdown.clone()).await?;
        let database = Database::new(&args.database_url, SHARED)?;
        let nats = process::connect(&args.common, &format!("marquee-{service}"), &shutdown).await?;
        health.watch_broker(nats.clone());
        migrations::run(&database, &args.database_url, self.migrations, &shutdown).await?;

        let around = Around {
            database: database.clone(),
            client: Client::connect(nats.clone(), &format!("/marquee/{service}"), Bounds::default())
                .await
                .map_err(anyhow::Error::from_boxed)?,
        };
        let jetstream = jetstream::new(nats.clone());
        let dead_letters = DeadLetters { jetstream: jetstream.clone(), service, keep: args.keep_dead_letters };
        let lease = Lease::new(Database::new(&args.database_url, 1)?);
        let mut parts = Parts {
            committed: Committed::new(database.clone(), lease.clone()),
            lease,
            handover: Arc::default(),
            jetstream,
            tracker: TaskTracker::new(),
            projected: Projected::new(),
            followed: Vec::new(),
            dead_letters,
            around,
            database_url: args.database_url,
            health,
            shutdown: shutdown.clone(),
        };
        // The relay goes on until the command loop has committed its last batch.
        let decided = CancellationToken::new();
        parts.start_writing(decided.clone())?;
        for start in self.followers {
            start(&mut parts)?;
        }
        parts.start_looking_after(args.keep_outcomes);
        let endpoints = self.endpoints.into_iter().map(|make| make(&parts)).collect();
        let projected = std::mem::take(&mut parts.projected);
        let (description, tracker) = (self.description, &parts.tracker);
        let registered = endpoints::serve(&nats, service, description, endpoints, projected, shutdown.clone(), tracker);
        let registered = registered.await.map_err(anyhow::Error::from_boxed)?;
        started.set(Ok(()));
        tracing::info!("the {service} service runs");

        shutdown.cancelled().await;
        parts.tracker.close();
        if timeout(DRAIN, parts.tracker.wait()).await.is_err() {
            tracing::warn!("not everything was finished in time; what was not, is delivered again");
        }
        // What was promised holds, though nobody is asked here any more.
        let _ = timeout(LAST_PROMISE, parts.lease.give_up()).await;
        let _ = registered.stop().await;
        let _ = timeout(Duration::from_secs(1), nats.flush()).await;
        tracing::info!("the {service} service has stopped");
        Ok(())
    }
}

impl<D: Domain> Parts<D> {
    /// A connection for one who writes many rows at once. What is kept prepared of such statements takes megabytes, here and
    /// in the server, on each connection that they are used on. With shared ones, that soon was all.
    fn writing(&self) -> anyhow::Result<Database> {
        Database::new(&self.database_url, 1)
    }

    /// Starts the command loop and the relay.
    fn start_writing(&self, decided: CancellationToken) -> anyhow::Result<()> {
        let commands = CommandLoop::<D> {
            around: self.around.clone(),
            writing: self.writing()?,
            lease: self.lease.clone(),
            jetstream: self.jetstream.clone(),
            handover: Arc::clone(&self.handover),
            health: self.health.check("commands"),
            pulse: self.health.pulse("command loop", commands::LIMIT),
            dead_letters: self.dead_letters.clone(),
            cache: Arc::default(),
            memory: Arc::default(),
            stalled: AtomicU32::new(0),
        };
        let relay = Relay {
            database: self.around.database.clone(),
            jetstream: self.jetstream.clone(),
            service: D::Command::SERVICE,
            handover: Arc::clone(&self.handover),
            health: self.health.check("relay"),
        };
        let shutdown = self.shutdown.clone();
        let last = decided.clone();
        self.tracker.spawn(async move {
            commands.run(shutdown).await;
            last.cancel();
        });
        self.tracker.spawn(relay.run(decided));
        Ok(())
    }

    fn follow(&mut self, checkpoint: Checkpoint, work: impl Work) -> Progress {
        let (reached, progress) = progress();
        let follower = Follower {
            database: self.around.database.clone(),
            jetstream: self.jetstream.clone(),
            handover: (checkpoint.source == D::Command::SERVICE).then(|| Arc::clone(&self.handover)),
            health: self.health.check(format!("{} from {}", checkpoint.name, checkpoint.source)),
            checkpoint,
            work,
            progress: reached,
        };
        self.tracker.spawn(follower.run(self.shutdown.clone()));
        self.followed.push((checkpoint, progress.clone()));
        progress
    }

    /// Starts what watches over the others and tidies up behind them.
    fn start_looking_after(&mut self, keep: Duration) {
        let (database, jetstream, service) =
            (self.around.database.clone(), self.jetstream.clone(), D::Command::SERVICE);
        let followed = std::mem::take(&mut self.followed);
        let monitor = Monitor::new(database.clone(), jetstream.clone(), service, followed, &self.health);
        self.tracker.spawn(monitor.run(self.shutdown.clone()));
        self.tracker.spawn(Stranded { jetstream: jetstream.clone(), service }.run(self.shutdown.clone()));
        self.tracker.spawn(Pruner { database, jetstream, service, keep }.run(self.shutdown.clone()));
    }
}

/// An endpoint that decodes a question and encodes its answer.
fn question<Q, H, F>(kind: QueryKind, handler: H) -> Endpoint
where
    Q: Query,
    H: Fn(Q) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Q::Reply, Problem>> + Send + 'static,
{
    Endpoint {
        subject: Q::subject(),
        spec: Q::spec(),
        answer: None,
        kind: Some(kind),
        handler: Arc::new(move |message| {
            let answer = decode::<Q>(&message.payload).map(&handler);
            Box::pin(async move { encode(&answer?.await?) })
        }),
    }
}

/// Answers what became of a command.
fn operation<D: Domain>(parts: &Parts<D>) -> Endpoint {
    let database = parts.around.database.clone();
    let subject = D::Command::SERVICE.query(OPERATION);
    Endpoint {
        subject,
        spec: operations::spec(),
        answer: None,
        kind: None,
        handler: Arc::new(move |message| {
            let database = database.clone();
            Box::pin(async move {
                let GetOperation { command_id } = decode(&message.payload)?;
                let outcome = outcomes::one(&mut *database.connection().await?, command_id).await?;
                let unknown = || Problem::new(Case::NotFound, format!("no outcome of a command {command_id} is known"));
                encode(&outcome.ok_or_else(unknown)?)
            })
        }),
    }
}

/// Publishes a command durably and answers with its outcome, for `nats request`.
fn answered_command<D: Domain>(parts: &Parts<D>, spec: MessageSpec) -> Endpoint {
    let client = parts.around.client.clone();
    let subject = D::Command::SERVICE.ask(spec.name);
    let reply: fn() -> schemars::Schema = schema_of::<Outcome>;
    Endpoint {
        subject,
        spec: MessageSpec { reply: Some(reply), ..spec },
        answer: spec.reply,
        kind: None,
        handler: Arc::new(move |message| {
            let client = client.clone();
            Box::pin(async move {
                let outcome = give::<D>(&client, spec.name, &message).await?;
                let mut reply = encode(&outcome)?;
                // A refusal is an outcome, and an error to whoever asked.
                if let Err(problem) = outcome.into_result::<Box<RawValue>>() {
                    reply.headers = endpoints::error_headers(&problem);
                }
                Ok(reply)
            })
        }),
    }
}

/// Gives a command for whoever asked, and waits for its outcome until the command expires.
async fn give<D: Domain>(client: &Client, name: &'static str, message: &Message) -> Result<Outcome, Problem> {
    D::Command::decode(name, &message.payload)?;
    let payload = if message.payload.is_empty() { "{}" } else { std::str::from_utf8(&message.payload).unwrap_or("{}") };
    let data = RawValue::from_string(payload.to_owned()).map_err(|error| Problem::invalid(".", error.to_string()))?;
    let found = message.headers.as_ref();
    let invalid = |error: String| Problem::invalid("headers", error);
    intake::refuse_actor(found)?;
    let now = Utc::now();
    let id = intake::command_id(found).unwrap_or_default();
    let expires = headers::parse(found, names::EXPIRES).map_err(invalid)?.unwrap_or(now + WAIT);
    let order = Order {
        id,
        actor: Actor::Operator,
        if_version: headers::parse(found, names::IF_VERSION).map_err(invalid)?,
        expires: Some(expires),
    };
    let service = D::Command::SERVICE;
    let pending = client.publish_raw(service, name, data, order).await?;
    let wait = (expires - now).clamp(TimeDelta::zero(), TimeDelta::minutes(1)).to_std().unwrap_or_default();
    match pending.outcome(wait + Duration::from_secs(1)).await {
        Some(outcome) => Ok(outcome),
        None => client.outcome(service, id).await?.ok_or_else(|| {
            Problem::new(Case::Unavailable, format!("command {id} has no outcome yet; ask for its operation"))
        }),
    }
}
