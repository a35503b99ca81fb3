//! Lists in pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Page<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// What to pass as `cursor` for the next page; absent on the last. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` of these items, which were read with one more than that: whether it is there tells
    /// whether there's a next page. `key` writes an item's place in the order.
    pub fn new(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> String) -> Self {
        let more = items.len() > usize::from(limit.0);
        items.truncate(limit.0.into());
        let cursor = if more { items.last().map(key) } else { None };
        Self { items, cursor }
    }
}

/// Reads a cursor that [`Page::new`] wrote.
///
/// # Errors
/// [`Case::InvalidInput`](crate::Case::InvalidInput) for anything else.
pub fn read_cursor<K: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<K>, Problem> {
    let invalid = |_| Problem::invalid("cursor", "must be one that a page before this one had");
    cursor.map(|text| text.parse().map_err(invalid)).transpose()
}

/// How many items a page has at most: 1 to 200, by default 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(try_from = "u16", into = "u16")]
#[schemars(inline, extend("minimum" = 1, "maximum" = 200))]
pub struct Limit(u16);

impl Limit {
    /// As many as there can be, for whoever reads all pages.
    pub const MOST: Self = Self(200);

    /// So many, but no more than `items` and not none.
    pub fn at_most(self, items: usize) -> Self {
        Self(self.0.min(u16::try_from(items).unwrap_or(u16::MAX)).max(1))
    }

    /// How many rows to read for a page: one more than it has.
    pub fn rows(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u16> for Limit {
    type Error = String;
    fn try_from(limit: u16) -> Result<Self, String> {
        if (1..=Self::MOST.0).contains(&limit) { Ok(Self(limit)) } else { Err("must be from 1 to 200".into()) }
    }
}

impl From<Limit> for u16 {
    fn from(limit: Limit) -> u16 {
        limit.0
    }
}
