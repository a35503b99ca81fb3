//! Halls, which belong to the movies service.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::HallId;
use crate::layout::Layout;
use crate::lists::queries;
use crate::page::{Limit, Page};
use crate::text::Text;

/// A hall's name has at most this many characters.
pub type HallName = Text<50>;

/// What is known of a hall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HallDetails {
    /// Unique among halls, without regard to case; 1 to 50 characters.
    #[schema(value_type = String, example = "Grand Hall", min_length = 1, max_length = 50)]
    pub name: HallName,
    /// Its seats.
    pub layout: Layout,
}

/// Adds a hall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddHall {
    /// The new hall's id; without one it follows from the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<HallId>,
    /// What is known of it.
    #[serde(flatten)]
    pub details: HallDetails,
}

/// Replaces what is known of a hall; the layout only while no showtime is to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateHall {
    /// Which.
    pub id: HallId,
    /// What is known of it from now on.
    #[serde(flatten)]
    pub details: HallDetails,
}

/// Removes a hall that has no upcoming showtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveHall {
    /// Which.
    pub id: HallId,
}

/// A hall was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HallAdded {
    /// Which.
    pub hall_id: HallId,
    /// What is known of it.
    pub details: HallDetails,
}

/// What is known of a hall changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HallUpdated {
    /// Which.
    pub hall_id: HallId,
    /// What is known of it from now on.
    pub details: HallDetails,
}

/// A hall was removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HallRemoved {
    /// Which.
    pub hall_id: HallId,
}

/// A hall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Hall {
    /// The hall.
    pub id: HallId,
    /// Grows with every change of name or layout.
    #[schema(example = 1)]
    pub version: u32,
    /// What is known of it.
    #[serde(flatten)]
    pub details: HallDetails,
    /// How many seats are sold.
    #[schema(example = 120)]
    pub capacity: u32,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Asks for one hall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetHall {
    /// Which.
    pub id: HallId,
}

/// Asks for halls, oldest entry first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListHalls {
    /// At most so many.
    #[serde(default)]
    pub limit: Limit,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

queries! { queries of Movies Query {
    /// One hall.
    "hall" => GetHall, Hall;
    /// Halls, oldest entry first.
    "halls" => ListHalls, Page<Hall>;
}}
