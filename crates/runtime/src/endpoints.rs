//! What a service answers on NATS: queries, questions of other services, and commands whose outcome is awaited. All
//! are endpoints of the NATS services framework, so that `nats micro ls`, `info` and `stats` show them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Request, Service, ServiceExt};
use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use contracts::message::{MessageSpec, QueryKind};
use contracts::problem::TYPE_PREFIX;
use contracts::subjects::headers as names;
use contracts::{Case, Positions, Problem};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use metrics::{SharedString, histogram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::is_inbox;
use crate::progress::{Ended, Progress};
use crate::{figures, headers};

/// Requests that one endpoint works on at once; more wait in the subscription.
const AT_ONCE: usize = 256;
/// Queries that wait for their positions at once; more are refused. Positions can be made up, so those who wait for them
/// must not keep the others from being answered.
const WAITING: usize = 256;
/// How long a query waits for the positions that it must at least be answered from.
const CATCH_UP: Duration = Duration::from_secs(2);

/// An answer, or a problem.
pub(crate) type Answer = BoxFuture<'static, Result<Reply, Problem>>;

/// What is answered.
pub(crate) struct Reply {
    pub(crate) body: Bytes,
    /// Those of an error, when it is a refusal.
    pub(crate) headers: HeaderMap,
}

/// One subject that is answered.
pub(crate) struct Endpoint {
    pub(crate) subject: String,
    pub(crate) spec: MessageSpec,
    /// What is in the outcome of a command that is accepted.
    pub(crate) answer: Option<fn() -> schemars::Schema>,
    /// A query waits for projections; everything else does not.
    pub(crate) kind: Option<QueryKind>,
    pub(crate) handler: Arc<dyn Fn(Message) -> Answer + Send + Sync>,
}

/// How far the projections of each service's events have come.
pub(crate) type Projected = Vec<(contracts::Service, Progress)>;

/// One endpoint at work.
struct Desk {
    nats: async_nats::Client,
    kind: Option<QueryKind>,
    handler: Arc<dyn Fn(Message) -> Answer + Send + Sync>,
    projected: Arc<Projected>,
    label: Arc<str>,
    free: Arc<Semaphore>,
    waiting: Semaphore,
}

/// Registers the service and its endpoints, and answers until `shutdown`; `tracker` has what is still running then.
pub(crate) async fn serve(
    nats: &async_nats::Client,
    service: contracts::Service,
    description: &str,
    endpoints: Vec<Endpoint>,
    projected: Projected,
    shutdown: CancellationToken,
    tracker: &TaskTracker,
) -> Result<Service, async_nats::Error> {
    let registered = nats
        .service_builder()
        .description(description)
        .queue_group(service.name())
        .start(format!("marquee-{service}"), env!("CARGO_PKG_VERSION"))
        .await?;
    let projected = Arc::new(projected);
    for Endpoint { subject, spec, answer: answered, kind, handler } in endpoints {
        let label: Arc<str> = subject.as_str().into();
        // In `nats micro info`, where a name has no dots.
        let name = subject.replace('.', "-");
        let builder = registered.endpoint_builder().name(name).metadata(metadata(&spec, answered)?);
        let mut requests = builder.add(subject).await?;
        let (shutdown, handling) = (shutdown.clone(), tracker.clone());
        let desk = Arc::new(Desk {
            nats: nats.clone(),
            kind,
            handler,
            projected: Arc::clone(&projected),
            label,
            free: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Semaphore::new(WAITING),
        });
        tracker.spawn(async move {
            loop {
                let Ok(permit) = Arc::clone(&desk.free).acquire_owned().await else { return };
                let request = tokio::select! {
                    request = requests.next() => request,
                    () = shutdown.cancelled() => break,
                };
                let Some(request) = request else { return };
                let desk = Arc::clone(&desk);
                handling.spawn(async move { desk.answer(request, Some(permit)).await });
            }
            // Whoever asks from now on hears at once that nobody is here, or is heard by another replica.
            let _ = requests.stop().await;
            while let Some(request) = requests.next().await {
                desk.answer(request, None).await;
            }
        });
    }
    Ok(registered)
}

impl Desk {
    /// Answers; with `place` as one of those that are worked on at once.
    async fn answer(&self, mut request: Request, place: Option<OwnedSemaphorePermit>) {
        let began = Instant::now();
        let Some(inbox) = request.message.reply.clone().filter(|reply| is_inbox(reply)) else { return };
        let result = match self.caught_up(&request.message, place).await {
            Ok(_place) => (self.handler)(request.message.clone()).await,
            Err(Late::Problem(problem)) => Err(problem),
            Err(Late::Ended) => return,
        };
        let told = match &result {
            Ok(_) => "ok".into(),
            Err(problem) => SharedString::from(problem.problem_type.trim_start_matches(TYPE_PREFIX).to_owned()),
        };
        let subject = SharedString::from_shared(Arc::clone(&self.label));
        histogram!(figures::QUESTIONS, "subject" => subject, "result" => told).record(began.elapsed());
        let sent = match result {
            Ok(reply) => request.respond_with_headers(Ok(reply.body), reply.headers).await,
            Err(problem) => {
                let headers = error_headers(&problem);
                let body = serde_json::to_vec(&problem).map(Bytes::from).unwrap_or_default();
                if problem.status >= 500 {
                    // The framework counts as the service's error what it answers itself, and that has no body: the
                    // caller gets one from us, and nobody gets the framework's.
                    let sent = self.nats.publish_with_headers(inbox, headers, body).await;
                    request.message.reply = Some(self.nats.new_inbox().into());
                    let error =
                        async_nats::service::error::Error { status: problem.title, code: usize::from(problem.status) };
                    sent.and(request.respond(Err(error)).await)
                } else {
                    request.respond_with_headers(Ok(body), headers).await
                }
            }
        };
        if let Err(error) = sent {
            tracing::warn!(%error, subject = %request.message.subject, "an answer could not be sent");
        }
    }

    /// Waits for the positions that a query must at least be answered from, without its place if they are not there. Never
    /// silently stale: what is not there in time is a problem that tells so.
    async fn caught_up(
        &self,
        message: &Message,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Option<OwnedSemaphorePermit>, Late> {
        if self.kind != Some(QueryKind::Query) {
            return Ok(place);
        }
        let least = headers::parse::<Positions>(message.headers.as_ref(), names::MIN_POSITION);
        let least = least.map_err(|error| Late::Problem(Problem::invalid("headers", error)))?.unwrap_or_default();
        if self.projected.iter().all(|(source, progress)| progress.position() >= least.get(*source)) {
            return Ok(place);
        }
        drop(place);
        let unavailable = |detail: &str| Late::Problem(Problem::new(Case::Unavailable, detail));
        let waits = self.waiting.try_acquire();
        let _waits = waits.map_err(|_| unavailable("too many wait for what they have already seen or written"))?;
        let reached = async {
            for (source, progress) in self.projected.iter() {
                progress.reach(least.get(*source)).await.map_err(|Ended| Late::Ended)?;
            }
            Ok(())
        };
        let late = |_| unavailable("the answer would not contain what you have already seen or written");
        timeout(CATCH_UP, reached).await.map_err(late)??;
        Ok(Arc::clone(&self.free).acquire_owned().await.ok())
    }
}

/// Why a query is not answered.
enum Late {
    Problem(Problem),
    /// The service stops before it has come that far. Nothing is said: whoever asked asks again, and another replica answers.
    Ended,
}

/// By which a caller tells an error without reading the body.
pub(crate) fn error_headers(problem: &Problem) -> HeaderMap {
    let title = problem.title.replace(['\r', '\n'], " ");
    headers::map([(NATS_SERVICE_ERROR, title), (NATS_SERVICE_ERROR_CODE, problem.status.to_string())])
}

fn metadata(
    spec: &MessageSpec,
    answer: Option<fn() -> schemars::Schema>,
) -> serde_json::Result<HashMap<String, String>> {
    let mut metadata = HashMap::from([
        ("description".to_owned(), spec.description.to_owned()),
        ("request".to_owned(), serde_json::to_string(&(spec.request)())?),
    ]);
    for (name, schema) in [("reply", spec.reply), ("answer", answer)] {
        if let Some(schema) = schema {
            metadata.insert(name.to_owned(), serde_json::to_string(&schema())?);
        }
    }
    Ok(metadata)
}

/// An answer as it travels.
///
/// # Errors
/// [`Case::Internal`] for what is not JSON.
pub(crate) fn encode(body: &impl serde::Serialize) -> Result<Reply, Problem> {
    let body = serde_json::to_vec(body);
    let body = body.map_err(|error| Problem::new(Case::Internal, format!("cannot be written: {error}")))?;
    Ok(Reply { body: body.into(), headers: HeaderMap::new() })
}
