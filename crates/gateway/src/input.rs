//! What requests bring: ids in paths, filters in queries, JSON bodies. What is wrong with one is answered with a
//! problem that names the field.

use std::str::FromStr;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use contracts::message::in_words_of_json;
use contracts::{Case, FieldError, Problem};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::instead::Instead;

/// A body has at most this many bytes.
pub const BODY_LIMIT: usize = 1 << 20;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// The id in the path.
pub struct Id<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Instead> {
        let invalid = || Problem::invalid("id", "must be a UUID such as 019ab2f4-1c00-7000-8000-000000000001");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| invalid())?;
        // Of the forms of a UUID only the usual one, so that a thing has one address.
        let id = if text.len() == 36 { text.parse().ok() } else { None };
        Ok(Self(id.ok_or_else(invalid)?))
    }
}

/// The number in the path.
pub struct Number(pub u64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Instead> {
        match Path::<u64>::from_request_parts(parts, state).await {
            Ok(Path(number)) => Ok(Self(number)),
            Err(_) => Err(Problem::invalid("id", "must be a number such as 7").into()),
        }
    }
}

/// The query string.
pub struct Filter<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Filter<T> {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Instead> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        let filter = serde_path_to_error::deserialize(pairs).map_err(|error| {
            let (field, message) = (error.path().to_string(), in_words_of_json(&error.inner().to_string()));
            Problem::new(Case::InvalidInput, format!("the query string does not fit: {message}"))
                .with_errors(vec![FieldError::new(field, "invalid", message)])
        })?;
        Ok(Self(filter))
    }
}

/// A JSON body.
pub struct Input<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Instead;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Instead> {
        check_media_type(request.headers())?;
        let too_large = || Problem::new(Case::TooLarge, format!("a body has at most {BODY_LIMIT} bytes"));
        // Whoever says so beforehand need not send it.
        if request.body().size_hint().lower() > BODY_LIMIT as u64 {
            return Err(too_large().into());
        }
        DefaultBodyLimit::max(BODY_LIMIT).apply(&mut request);
        let Ok(arrived) = timeout(BODY_PATIENCE, Bytes::from_request(request, state)).await else {
            return Err(Problem::new(Case::RequestTimeout, "the body did not arrive within 10 seconds").into());
        };
        let body = arrived.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Problem::invalid(".", "the body broke off"),
        })?;
        Ok(Self(contracts::message::decode(&body)?))
    }
}

/// JSON only: a form that another site's page sends on a visitor's behalf cannot have this media type.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if !is_json {
        let detail = format!("the body's media type is {media_type:?}, not application/json");
        return Err(Problem::new(Case::UnsupportedMediaType, detail));
    }
    match text(header::CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(other) => {
            Err(Problem::new(Case::UnsupportedMediaType, format!("the content encoding {other:?} is not read here")))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::response::IntoResponse;
    use contracts::movies::ListMovies;
    use contracts::users::UserDetails;

    use super::*;

    async fn input(media_type: &str, body: impl Into<Body>) -> Result<UserDetails, StatusCode> {
        let request = Request::post("/").header(header::CONTENT_TYPE, media_type).body(body.into()).unwrap();
        match Input::from_request(request, &()).await {
            Ok(Input(details)) => Ok(details),
            Err(instead) => Err(instead.into_response().status()),
        }
    }

    #[tokio::test]
    async fn only_json_of_the_right_form_is_read() {
        let good = r#"{"username":"ada","email":"ada@example.com","full_name":"Ada Lovelace"}"#;
        for media_type in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert_eq!(input(media_type, good).await.unwrap().username.as_str(), "ada", "{media_type}");
        }
        for media_type in ["", "text/plain", "application/x-www-form-urlencoded", "json", "application/jsonp"] {
            assert_eq!(input(media_type, good).await, Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{media_type}");
        }
        for bad in ["", "{", "[]", "null", r#"{"username":"ada"}"#, &good.replace("ada@", ""), &format!("{good}x")] {
            assert_eq!(input("application/json", bad.to_owned()).await, Err(StatusCode::UNPROCESSABLE_ENTITY), "{bad}");
        }
    }

    async fn filter(query: &str) -> Result<ListMovies, StatusCode> {
        let (mut parts, ()) = Request::get(format!("/?{query}")).body(()).unwrap().into_parts();
        match Filter::from_request_parts(&mut parts, &()).await {
            Ok(Filter(filter)) => Ok(filter),
            Err(instead) => Err(instead.into_response().status()),
        }
    }

    #[tokio::test]
    async fn unknown_and_malformed_filters_are_refused() {
        assert_eq!(filter("").await.unwrap(), ListMovies::default());
        let found = filter("title=blade%20runner&limit=3").await.unwrap();
        assert_eq!((found.title.unwrap().as_str(), u16::from(found.limit)), ("blade runner", 3));
        for bad in ["limit=0", "limit=201", "limit=x", "limit=", "titel=x", "title=", "limit=1&limit=2"] {
            assert_eq!(filter(bad).await, Err(StatusCode::UNPROCESSABLE_ENTITY), "{bad}");
        }
    }
}
