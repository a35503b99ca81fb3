//! What request headers say, and what response headers are made from.

mod condition;
mod key;
mod prefer;

pub use condition::{IfMatch, etag, is_known};
pub(crate) use key::idempotency_key;
pub(crate) use prefer::Prefer;

use axum::http::header::AsHeaderName;
use axum::http::{HeaderMap, HeaderValue};

/// All values of a header that are text, as one list: repeated headers mean the same as one with commas (RFC 9110).
pub(crate) fn list(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// A header value from text that has only visible ASCII in it; anything else makes an empty value.
pub fn value(text: impl AsRef<str>) -> HeaderValue {
    HeaderValue::from_str(text.as_ref()).unwrap_or(HeaderValue::from_static(""))
}
