//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110, section 13). A tag is the thing's version and a part of the hash
//! of its representation: the version is what a change is conditional on, the hash tells representations apart that
//! change without the thing, such as a booking whose movie got another title.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use super::list;

/// The entity tag of this representation of a thing at this version.
pub fn etag(version: u32, body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let prefix = hash.iter().take(8).fold(0_u64, |prefix, byte| prefix << 8 | u64::from(*byte));
    format!("\"{version}-{prefix:016x}\"")
}

/// True when the request's `If-None-Match` names this tag: the caller has the representation already.
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let Some(text) = list(headers, header::IF_NONE_MATCH) else { return false };
    text.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The versions at which a change may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// At any: the header is not there, or is `*`, which things that do not exist answer with 404 anyway.
    Any,
    /// At one of these. A tag that is not one of ours matches nothing.
    Versions(Vec<u32>),
}

impl IfMatch {
    /// What these headers say.
    pub fn parse(headers: &HeaderMap) -> Self {
        let Some(text) = list(headers, header::IF_MATCH) else { return Self::Any };
        let tags: Vec<&str> = text.split(',').map(str::trim).collect();
        if tags.contains(&"*") {
            return Self::Any;
        }
        // The comparison is the strong one, so weak tags do not count.
        let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?.0.parse().ok();
        Self::Versions(tags.into_iter().filter_map(version).collect())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(text))])
    }

    #[test]
    fn a_tag_is_the_version_and_a_part_of_the_hash() {
        assert_eq!(etag(3, b""), "\"3-e3b0c44298fc1c14\"");
        assert_ne!(etag(3, b"a"), etag(3, b"b"));
    }

    #[test]
    fn a_known_representation_is_recognised() {
        let tag = etag(1, b"{}");
        assert!(is_known(&HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.parse().unwrap())]), &tag));
        assert!(is_known(&HeaderMap::from_iter([(header::IF_NONE_MATCH, format!("W/{tag}").parse().unwrap())]), &tag));
        assert!(is_known(
            &HeaderMap::from_iter([(header::IF_NONE_MATCH, format!("\"x\", {tag}").parse().unwrap())]),
            &tag
        ));
        assert!(is_known(&headers(header::IF_NONE_MATCH, "*"), &tag));
        assert!(!is_known(&headers(header::IF_NONE_MATCH, "\"1-0\""), &tag));
        assert!(!is_known(&HeaderMap::new(), &tag));
    }

    #[test]
    fn a_change_is_conditional_on_versions() {
        let parse = |text| IfMatch::parse(&headers(header::IF_MATCH, text));
        assert_eq!(IfMatch::parse(&HeaderMap::new()), IfMatch::Any);
        assert_eq!(parse("*"), IfMatch::Any);
        assert_eq!(parse("\"7-e3b0c44298fc1c14\""), IfMatch::Versions(vec![7]));
        assert_eq!(parse("\"7-a\",\"9-b\""), IfMatch::Versions(vec![7, 9]));
        for other in ["W/\"7-a\"", "\"abc\"", "7-a", "\"-1-a\""] {
            assert_eq!(parse(other), IfMatch::Versions(vec![]), "{other}");
        }
    }
}
