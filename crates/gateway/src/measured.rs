//! Counts and times requests, by route rather than by path: there are only so many routes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use metrics::{Histogram, histogram};
use runtime::figures::REQUESTS;

/// Files of Swagger UI, and what nothing answers.
const NO_ROUTE: &str = "other";
/// The methods that a route answers. Clients may make up others.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
const OTHER_METHODS: &str = "other";
/// Classes of statuses.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The figures of one route, by method and by class of status, each made when it is needed first. Looked up by their
/// labels, they cost a request TODO.
#[derive(Clone, Default)]
pub(crate) struct Figures(Arc<[[OnceLock<Histogram>; CLASSES.len()]; METHODS.len() + 1]>);

impl Figures {
    /// A request was answered: what is measured ends with the head of the answer. A stream of events goes on after that.
    pub(crate) fn note(&self, route: Option<&MatchedPath>, method: &Method, status: StatusCode, took: Duration) {
        let place = METHODS.iter().position(|one| one == method).unwrap_or(METHODS.len());
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        let Some(figure) = self.0.get(place).and_then(|classes| classes.get(class)) else { return };
        let made = || {
            let method = METHODS.get(place).map_or(OTHER_METHODS, Method::as_str).to_owned();
            let route = route.map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
            histogram!(REQUESTS, "method" => method, "route" => route, "status" => CLASSES.get(class).copied().unwrap_or_default())
        };
        figure.get_or_init(made).record(took);
    }
}
