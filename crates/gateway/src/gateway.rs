//! What all requests share, and what a request brings for asking questions.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use contracts::page::Page;
use contracts::subjects::headers::MIN_POSITION;
use contracts::{Case, Positions, Problem, Query, Service};
use runtime::client::Client;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::access::{Caller, Passwords, Secrets};
use crate::edge::{ClientAddress, LimitArgs, Limits};
use crate::headers;
use crate::instead::Instead;
use crate::listing;
use crate::live::{Live, LiveArgs, Place};
use crate::names::Names;
use crate::recall::{Of, Recall};
use crate::representation::{Representation, Shown};
use crate::seen::{Reader, Seen};

/// How long a command's outcome is still waited for after the process was told to stop.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// What all requests share. Clones are cheap: each request has some.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

/// What is behind a [`Gateway`].
pub struct Shared {
    pub(crate) client: Client,
    pub(crate) secrets: Secrets,
    pub(crate) passwords: Passwords,
    pub(crate) names: Names,
    pub(crate) seen: Seen,
    pub(crate) limits: Limits,
    pub(crate) live: Arc<Live>,
    pub(crate) recall: Recall,
    pub(crate) shutdown: CancellationToken,
}

impl Deref for Gateway {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Gateway {
    /// A gateway to the services that `client` talks to and whose events are in `jetstream`, with tokens signed with
    /// these secrets; after `shutdown` it stops waiting for outcomes.
    pub fn new(
        client: Client,
        jetstream: Context,
        secrets: Secrets,
        limits: &LimitArgs,
        live: &LiveArgs,
        shutdown: CancellationToken,
    ) -> Self {
        let live = Live::start(live, jetstream, client.clone(), shutdown.clone());
        Self(Arc::new(Shared {
            recall: Recall::new(live.tail()),
            live,
            names: Names::start(client.clone()),
            client,
            secrets,
            passwords: Passwords::default(),
            seen: Seen::new(),
            limits: Limits::new(limits),
            shutdown,
        }))
    }

    /// Returns when there is no time left to wait for outcomes, because the process has to end.
    pub(crate) async fn closing(&self) {
        self.shutdown.cancelled().await;
        tokio::time::sleep(LAST_WAIT).await;
    }
}

/// A request, as far as it asks something: who asks, and how new the answer must at least be.
pub(crate) struct Asking {
    pub(crate) gateway: Gateway,
    pub(crate) caller: Caller,
    /// Where the request comes from.
    pub(crate) address: IpAddr,
    /// What the caller says they have seen, perhaps through another gateway.
    said: Place,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
}

impl FromRequestParts<Gateway> for Asking {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Instead> {
        let address = parts.extensions.get().map(|ClientAddress(address)| *address);
        let said = headers::list(&parts.headers, MIN_POSITION).unwrap_or_default().parse();
        let said = said.map_err(|message: String| Problem::invalid(MIN_POSITION, message));
        Ok(Self {
            gateway: gateway.clone(),
            caller: Caller::from_request_parts(parts, gateway).await?,
            address: address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
            said: Place::of(&said?),
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
        })
    }
}

impl Asking {
    /// Whose last write an answer may not be older than: the account's, or while nobody has signed in, the address's.
    pub(crate) fn reader(&self) -> Reader {
        Reader::of(&self.caller.actor, self.address)
    }

    /// Notes that the caller was told of these positions.
    pub(crate) fn has_seen(&self, positions: &Positions) {
        self.gateway.seen.remember(self.reader(), &Place::of(positions));
    }

    /// The answer, not older than what the caller has seen.
    pub(crate) async fn ask<Q: Query>(&self, query: &Q) -> Result<Q::Reply, Problem> {
        self.gateway.client.ask(query, &self.least().positions()).await
    }

    /// What the caller has seen: no answer may be older.
    pub(crate) fn least(&self) -> Place {
        self.gateway.seen.least(&self.reader()).max(&self.said)
    }

    /// Answers with one thing, or 304 when the caller has it already.
    pub(crate) async fn one<Q>(&self, query: &Q) -> Result<Response, Instead>
    where
        Q: Query,
        Q::Reply: Representation + Sync,
    {
        let shown = match Q::SERVICE {
            Service::Movies => self.recall(query, Of::Programme).await?.show("", Shown::one),
            Service::Users | Service::Bookings => Shown::one(&self.ask(query).await?),
        };
        Ok(self.unless_known(shown?))
    }

    /// Shows one thing, or answers 304 when the caller has it already.
    pub(crate) fn unless_known(&self, shown: Shown) -> Response {
        shown.unless_known(&self.headers)
    }

    /// Answers with a page of a list, and a link to the next one.
    pub(crate) async fn page<Q, T>(&self, query: &Q) -> Result<Response, Instead>
    where
        Q: Query<Reply = Page<T>>,
        T: Serialize + Send + Sync + 'static,
    {
        let shown = match Q::SERVICE {
            Service::Movies => {
                let page = self.recall(query, Of::Programme).await?;
                page.show(&self.uri.to_string(), |page| listing::shown(&self.uri, page))
            }
            Service::Users | Service::Bookings => listing::shown(&self.uri, &self.ask(query).await?),
        };
        Ok(shown?.response(StatusCode::OK))
    }

    /// A page of what belongs to `owner`. Only when it's empty, the owner's service is asked whether there is such an
    /// owner, so that lists can be read while that service is away.
    pub(crate) async fn page_of<Q, T>(&self, query: &Q, owner: &impl Query) -> Result<Page<T>, Problem>
    where
        Q: Query<Reply = Page<T>>,
    {
        let page = self.ask(query).await?;
        if page.items.is_empty()
            && let Err(problem) = self.ask(owner).await
            && problem.is(Case::NotFound)
        {
            return Err(problem);
        }
        Ok(page)
    }

    /// Shows a page of a list, with a link to the next one.
    pub(crate) fn show<T: Serialize>(&self, page: Page<T>) -> Response {
        listing::page(&self.uri, page)
    }
}
