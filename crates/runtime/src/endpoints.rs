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
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::is_inbox;
use crate::{figures, headers};

/// Requests that one endpoint works on at once; more wait in the subscription.
const AT_ONCE: usize = 256;
/// How long a query waits for the positions that it must at least be answered from.
const CATCH_UP: Duration = Duration::from_secs(2);

/// An answer, or a problem.
pub(crate) type Answer = BoxFuture<'static, Result<Vec<u8>, Problem>>;

/// One subject that is answered.
pub(crate) struct Endpoint {
    pub(crate) subject: String,
    /// In `nats micro info`.
    pub(crate) name: String,
    pub(crate) spec: MessageSpec,
    /// A query waits for projections; everything else does not.
    pub(crate) kind: Option<QueryKind>,
    pub(crate) handler: Arc<dyn Fn(Message) -> Answer + Send + Sync>,
}

/// How far each projection has come.
pub(crate) type Progress = Vec<(contracts::Service, watch::Receiver<u64>)>;

/// Registers the service and its endpoints, and answers until `shutdown`; `tracker` has what is still running then.
pub(crate) async fn serve(
    nats: &async_nats::Client,
    service: contracts::Service,
    description: &str,
    endpoints: Vec<Endpoint>,
    progress: Progress,
    shutdown: CancellationToken,
    tracker: &TaskTracker,
) -> Result<Service, async_nats::Error> {
    let registered = nats
        .service_builder()
        .description(description)
        .queue_group(service.name())
        .start(format!("marquee-{service}"), env!("CARGO_PKG_VERSION"))
        .await?;
    let progress = Arc::new(progress);
    for Endpoint { subject, name, spec, kind, handler } in endpoints {
        let label: Arc<str> = subject.as_str().into();
        let builder = registered.endpoint_builder().name(name).metadata(metadata(&spec)?);
        let mut requests = builder.add(subject).await?;
        let (shutdown, progress, handling) = (shutdown.clone(), Arc::clone(&progress), tracker.clone());
        let free = Arc::new(Semaphore::new(AT_ONCE));
        tracker.spawn(async move {
            loop {
                let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
                let request = tokio::select! {
                    request = requests.next() => request,
                    () = shutdown.cancelled() => break,
                };
                let Some(request) = request else { return };
                let (handler, progress, label) = (Arc::clone(&handler), Arc::clone(&progress), Arc::clone(&label));
                handling.spawn(async move {
                    answer(&request, kind, &*handler, &progress, &label).await;
                    drop(permit);
                });
            }
            // Whoever asks from now on hears at once that nobody is here, or is heard by another replica.
            let _ = requests.stop().await;
            while let Some(request) = requests.next().await {
                answer(&request, kind, &*handler, &progress, &label).await;
            }
        });
    }
    Ok(registered)
}

async fn answer(
    request: &Request,
    kind: Option<QueryKind>,
    handler: &(dyn Fn(Message) -> Answer + Send + Sync),
    progress: &Progress,
    label: &Arc<str>,
) {
    let began = Instant::now();
    if !request.message.reply.as_deref().is_some_and(is_inbox) {
        return;
    }
    let result = async {
        if kind == Some(QueryKind::Query) {
            let least = headers::parse::<Positions>(request.message.headers.as_ref(), names::MIN_POSITION)
                .map_err(|error| Problem::invalid("headers", error))?;
            wait_for(&least.unwrap_or_default(), progress).await?;
        }
        handler(request.message.clone()).await
    };
    let result = result.await;
    let told = match &result {
        Ok(_) => "ok".into(),
        Err(problem) => SharedString::from(problem.problem_type.trim_start_matches(TYPE_PREFIX).to_owned()),
    };
    let subject = SharedString::from_shared(Arc::clone(label));
    histogram!(figures::QUESTIONS, "subject" => subject, "result" => told).record(began.elapsed());
    let sent = match result {
        Ok(body) => request.respond(Ok(body.into())).await,
        // The framework counts this as the service's error; it takes no body.
        Err(problem) if problem.status >= 500 => {
            let code = usize::from(problem.status);
            let status = format!("{}: {}", problem.title, problem.detail).replace(['\r', '\n'], " ");
            request.respond(Err(async_nats::service::error::Error { status, code })).await
        }
        Err(problem) => {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_SERVICE_ERROR, problem.title.replace(['\r', '\n'], " "));
            headers.insert(NATS_SERVICE_ERROR_CODE, problem.status.to_string());
            let body = serde_json::to_vec(&problem).map(Bytes::from).unwrap_or_default();
            request.respond_with_headers(Ok(body), headers).await
        }
    };
    if let Err(error) = sent {
        tracing::warn!(%error, subject = %request.message.subject, "an answer could not be sent");
    }
}

/// Never silently stale: what is not there in time is a problem that tells so.
async fn wait_for(least: &Positions, progress: &Progress) -> Result<(), Problem> {
    let caught_up = async {
        for (source, reached) in progress {
            let wanted = least.get(*source);
            if reached.clone().wait_for(|reached| *reached >= wanted).await.is_err() {
                return Err(Problem::new(Case::Unavailable, "the service is stopping"));
            }
        }
        Ok(())
    };
    let late =
        |_| Problem::new(Case::Unavailable, "the answer would not contain what you have already seen or written");
    timeout(CATCH_UP, caught_up).await.map_err(late)?
}

fn metadata(spec: &MessageSpec) -> serde_json::Result<HashMap<String, String>> {
    let mut metadata = HashMap::from([
        ("description".to_owned(), spec.description.to_owned()),
        ("request".to_owned(), serde_json::to_string(&(spec.request)())?),
    ]);
    if let Some(reply) = spec.reply {
        metadata.insert("reply".to_owned(), serde_json::to_string(&reply())?);
    }
    Ok(metadata)
}

/// An answer as it travels.
///
/// # Errors
/// [`Case::Internal`] for what is not JSON.
pub(crate) fn encode(body: &impl serde::Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(|error| Problem::new(Case::Internal, format!("cannot be written: {error}")))
}
