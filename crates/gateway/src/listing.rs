//! Lists in pages, each with a link to the next one.

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use contracts::Problem;
use contracts::page::Page;
use serde::Serialize;
use utoipa::ToSchema;

use crate::headers::value;
use crate::representation::{Shown, or_problem};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// What to pass as `cursor` for the next page; absent on the last. Opaque.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "019ab2f4-1c00-7000-8000-000000000001")]
    pub cursor: Option<String>,
    /// The next page, with the same filters; absent on the last. Also in the header `Link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/movies?limit=50&cursor=019ab2f4-1c00-7000-8000-000000000001")]
    pub next: Option<String>,
}

/// Answers with a page of the list at `uri`, and a link to the next one.
pub fn page<T: Serialize>(uri: &Uri, page: Page<T>) -> Response {
    or_problem(shown(uri, &page).map(|shown| shown.response(StatusCode::OK)))
}

/// What is sent of a page of the list at `uri`.
///
/// # Errors
/// [`contracts::Case::Internal`] for what can't be written as JSON.
pub(crate) fn shown<T: Serialize>(uri: &Uri, Page { items, cursor }: &Page<T>) -> Result<Shown, Problem> {
    let next = cursor.as_deref().map(|cursor| next(uri, cursor));
    let link = next.as_ref().map(|next| value(format!("<{next}>; rel=\"next\"")));
    let listing = Listing { items: items.iter().collect(), cursor: cursor.clone(), next };
    Ok(Shown::new(&listing)?.with_link(link))
}

/// The address of the page that follows the one at `uri`.
fn next(uri: &Uri, cursor: &str) -> String {
    let query = uri.query().unwrap_or_default().as_bytes();
    let filters = form_urlencoded::parse(query).filter(|(name, _)| name != "cursor");
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).append_pair("cursor", cursor).finish();
    format!("{}?{query}", uri.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filters() {
        let uri = Uri::from_static("/api/movies?title=a%26b&cursor=old&limit=2");
        assert_eq!(next(&uri, "n+1"), "/api/movies?title=a%26b&limit=2&cursor=n%2B1");
        assert_eq!(next(&Uri::from_static("/api/halls"), "x"), "/api/halls?cursor=x");
    }
}
