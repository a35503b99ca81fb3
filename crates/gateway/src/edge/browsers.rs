//! What browsers are told with every answer: what a page of ours may do, and whose pages may ask us.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::response::Response;
use contracts::subjects::headers::{MIN_POSITION, POSITION};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Swagger UI writes styles into its page and draws with `data:` images; scripts come from files only, and all from here.
const CONTENT_SECURITY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// A year of HTTPS only, as is usual.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// How long a browser may remember whose pages may ask.
const REMEMBERED: Duration = Duration::from_secs(600);

/// What browsers are told.
#[derive(Clone, Debug, Default)]
pub struct Browsers {
    origins: Vec<HeaderValue>,
    https: bool,
}

impl Browsers {
    /// Pages of these origins may use the API; with `https`, browsers shall come with nothing else.
    pub fn new(origins: Vec<HeaderValue>, https: bool) -> Self {
        Self { origins, https }
    }

    /// What answers pages of other origins, if some may use the API.
    pub(crate) fn cors(&self) -> Option<CorsLayer> {
        (!self.origins.is_empty()).then(|| cors(self.origins.clone()))
    }

    /// Tells them, with an answer.
    pub(crate) fn tell(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY);
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if self.origins.is_empty() {
            let name = HeaderName::from_static("cross-origin-resource-policy");
            headers.insert(name, HeaderValue::from_static("same-origin"));
        }
        if self.https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
        }
    }
}

/// What a page of these origins may send and read. No credentials: callers name themselves in `Authorization`.
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let name = |name: &'static str| HeaderName::from_static(name);
    let ours = |name: &str| name.to_ascii_lowercase().parse::<HeaderName>().ok();
    let sent = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        name("idempotency-key"),
        name("last-event-id"),
        name("prefer"),
    ];
    let read = [
        header::ETAG,
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        header::WWW_AUTHENTICATE,
        name("preference-applied"),
        name("ratelimit"),
        name("ratelimit-policy"),
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(sent.into_iter().chain(ours(MIN_POSITION)).collect::<Vec<_>>())
        .expose_headers(read.into_iter().chain(ours(POSITION)).collect::<Vec<_>>())
        .max_age(REMEMBERED)
}

/// An origin as a browser writes it, such as `https://cinema.example`.
///
/// # Errors
/// In words, for anything else; `*` is none, because who may ask shall be named.
pub(super) fn origin(text: &str) -> Result<HeaderValue, String> {
    let text = text.trim().to_ascii_lowercase();
    let uri = text.parse::<Uri>().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?)));
    let is_origin = parts.is_some_and(|(scheme, host)| {
        matches!(scheme, "http" | "https") && !host.as_str().contains('@') && text == format!("{scheme}://{host}")
    });
    let value = if is_origin { HeaderValue::try_from(&text).ok() } else { None };
    value.ok_or_else(|| format!("{text:?} is not an origin such as https://cinema.example"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        for good in ["https://cinema.example", "http://localhost:3000", " HTTPS://Cinema.example"] {
            origin(good).unwrap();
        }
        for bad in
            ["", "*", "null", "cinema.example", "https://cinema.example/", "https://a@b", "ftp://a", "https://a?b"]
        {
            origin(bad).unwrap_err();
        }
    }
}
