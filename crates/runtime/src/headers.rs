//! Reading and writing message headers.

use std::str::FromStr;

use async_nats::HeaderMap;

/// The text of a header.
pub(crate) fn text<'h>(headers: Option<&'h HeaderMap>, name: &str) -> Option<&'h str> {
    headers.and_then(|headers| headers.get(name)).map(|value| value.as_str())
}

/// A header's value; `None` without the header.
///
/// # Errors
/// In words, for a value that is not a `T`.
pub(crate) fn parse<T: FromStr>(headers: Option<&HeaderMap>, name: &str) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    text(headers, name).map(|value| value.parse().map_err(|error| format!("header {name}: {error}"))).transpose()
}

/// Headers of these names and values.
pub(crate) fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(name, value);
    }
    headers
}
