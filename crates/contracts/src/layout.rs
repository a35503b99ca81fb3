//! Seats and how they stand in a hall.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A hall has at most this many rows.
pub const MAX_ROWS: usize = 100;
/// A row has at most this many seats, and as many gaps.
pub const MAX_ROW_WIDTH: u32 = 200;

/// One or two capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RowLabel(u16);

impl FromStr for RowLabel {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            [a] if a.is_ascii_uppercase() => Ok(Self(u16::from(*a))),
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self(u16::from(*a) << 8 | u16::from(*b))),
            _ => Err("must be one or two capital letters".into()),
        }
    }
}

impl TryFrom<String> for RowLabel {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RowLabel> for String {
    fn from(label: RowLabel) -> String {
        label.to_string()
    }
}

impl fmt::Display for RowLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, low] = self.0.to_be_bytes();
        if high != 0 {
            write!(f, "{}", char::from(high))?;
        }
        write!(f, "{}", char::from(low))
    }
}

impl JsonSchema for RowLabel {
    fn schema_name() -> Cow<'static, str> {
        "RowLabel".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{1,2}$" })
    }
}

/// A seat's name: its row and its number from 1, as on the ticket: `C7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seat {
    /// The row.
    pub row: RowLabel,
    /// The number in the row.
    pub number: u16,
}

impl FromStr for Seat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("{:?} is not a seat such as C7", text.chars().take(20).collect::<String>());
        let digits = text.find(|c: char| c.is_ascii_digit()).ok_or_else(invalid)?;
        let (row, number) = text.split_at_checked(digits).ok_or_else(invalid)?;
        if number.starts_with('0') || number.len() > 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        Ok(Self { row: row.parse().map_err(|_| invalid())?, number: number.parse().map_err(|_| invalid())? })
    }
}

impl TryFrom<String> for Seat {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Seat> for String {
    fn from(seat: Seat) -> String {
        seat.to_string()
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.row, self.number)
    }
}

impl JsonSchema for Seat {
    fn schema_name() -> Cow<'static, str> {
        "Seat".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{1,2}[1-9][0-9]{0,2}$", "examples": ["C7"] })
    }
}

/// What a seat is sold as; each showtime has a price for each category of its hall. Lower-case words and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Category(String);

impl Category {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Category {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let valid = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if valid {
            Ok(Self(text))
        } else {
            Err("must be a lower-case word such as standard, of at most 32 characters".into())
        }
    }
}

impl From<Category> for String {
    fn from(category: Category) -> String {
        category.0
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Category {
    fn schema_name() -> Cow<'static, str> {
        "Category".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,31}$", "examples": ["standard"] })
    }
}

/// The rows of a hall, from the screen to the back. Labels are unique, and at least one seat can be sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(try_from = "UncheckedLayout")]
pub struct Layout {
    /// 1 to 100 rows.
    #[schema(min_items = 1, max_items = 100)]
    pub rows: Vec<Row>,
}

/// A row: runs of seats, gaps and blocked seats from left to right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// One or two capital letters.
    #[schema(value_type = String, example = "A", pattern = "^[A-Z]{1,2}$")]
    pub label: RowLabel,
    /// What stands in the row. Seats, blocked ones included, are numbered from 1; gaps have no number.
    #[schemars(length(min = 1, max = 200))]
    pub runs: Vec<Run>,
}

/// Equal things side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Run {
    /// Seats that are sold.
    Seats {
        /// How many.
        #[schemars(range(min = 1, max = 200))]
        #[schema(minimum = 1, maximum = 200)]
        count: u16,
        /// What they are sold as.
        #[schema(value_type = String, example = "standard")]
        category: Category,
    },
    /// Seats that are there and are not sold.
    Blocked {
        /// How many.
        #[schemars(range(min = 1, max = 200))]
        #[schema(minimum = 1, maximum = 200)]
        count: u16,
    },
    /// No seat: an aisle, a pillar.
    Gap {
        /// How many seats wide.
        #[schemars(range(min = 1, max = 200))]
        #[schema(minimum = 1, maximum = 200)]
        count: u16,
    },
}

/// The rows of a hall, from the screen to the back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Layout")]
struct UncheckedLayout {
    #[schemars(length(min = 1, max = 100))]
    rows: Vec<Row>,
}

impl TryFrom<UncheckedLayout> for Layout {
    type Error = String;
    fn try_from(UncheckedLayout { rows }: UncheckedLayout) -> Result<Self, String> {
        Layout::new(rows)
    }
}

/// What stands at one place of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A seat that is sold as this category.
    Seat(Seat, &'a Category),
    /// A seat that is not sold.
    Blocked(Seat),
    /// No seat.
    Gap,
}

impl Row {
    /// The row's places from left to right.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let mut number = 0;
        self.runs
            .iter()
            .flat_map(|run| {
                let (Run::Seats { count, .. } | Run::Blocked { count } | Run::Gap { count }) = run;
                std::iter::repeat_n(run, usize::from(*count))
            })
            .map(move |run| {
                if !matches!(run, Run::Gap { .. }) {
                    number += 1;
                }
                let seat = Seat { row: self.label, number };
                match run {
                    Run::Seats { category, .. } => Cell::Seat(seat, category),
                    Run::Blocked { .. } => Cell::Blocked(seat),
                    Run::Gap { .. } => Cell::Gap,
                }
            })
    }

    fn check(&self) -> Result<(), String> {
        if self.runs.is_empty() {
            return Err(format!("row {} is empty", self.label));
        }
        let counts = self.runs.iter().map(|run| {
            let (Run::Seats { count, .. } | Run::Blocked { count } | Run::Gap { count }) = run;
            u32::from(*count)
        });
        if counts.clone().any(|count| count == 0) {
            return Err(format!("row {}: a run's count must be at least 1", self.label));
        }
        if counts.sum::<u32>() > MAX_ROW_WIDTH {
            return Err(format!("row {} is wider than {MAX_ROW_WIDTH} places", self.label));
        }
        Ok(())
    }
}

impl Layout {
    /// Checks the rows.
    ///
    /// # Errors
    /// In words: no row or too many, a label twice, an empty or too wide row, nothing to sell.
    pub fn new(rows: Vec<Row>) -> Result<Self, String> {
        if rows.is_empty() || rows.len() > MAX_ROWS {
            return Err(format!("must have 1 to {MAX_ROWS} rows"));
        }
        let mut labels = std::collections::HashSet::new();
        for row in &rows {
            if !labels.insert(row.label) {
                return Err(format!("row {} is there twice", row.label));
            }
            row.check()?;
        }
        let layout = Self { rows };
        if layout.capacity() == 0 {
            return Err("must have at least one seat that is sold".into());
        }
        Ok(layout)
    }

    /// All places, row by row.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        self.rows.iter().flat_map(Row::cells)
    }

    /// How many seats are sold.
    pub fn capacity(&self) -> usize {
        self.cells().filter(|cell| matches!(cell, Cell::Seat(..))).count()
    }

    /// The categories that occur.
    pub fn categories(&self) -> std::collections::BTreeSet<&Category> {
        self.cells().filter_map(|cell| if let Cell::Seat(_, category) = cell { Some(category) } else { None }).collect()
    }

    /// The seat's cell; `None` for a seat that isn't there. Looks at one row only, since bookings ask for few seats of
    /// large halls.
    pub fn find(&self, seat: Seat) -> Option<Cell<'_>> {
        let row = self.rows.iter().find(|row| row.label == seat.row)?;
        let mut last = 0;
        row.runs.iter().find_map(|run| match run {
            Run::Gap { .. } => None,
            Run::Seats { count, .. } | Run::Blocked { count } => {
                last += count;
                (seat.number <= last).then_some(match run {
                    Run::Seats { category, .. } => Cell::Seat(seat, category),
                    _ => Cell::Blocked(seat),
                })
            }
        })
    }

    /// Every seat with its category; `None` for a blocked one.
    pub fn seats(&self) -> BTreeMap<Seat, Option<&Category>> {
        self.cells()
            .filter_map(|cell| match cell {
                Cell::Seat(seat, category) => Some((seat, Some(category))),
                Cell::Blocked(seat) => Some((seat, None)),
                Cell::Gap => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_written_as_on_a_ticket() {
        for text in ["A1", "Z99", "AB123"] {
            assert_eq!(text.parse::<Seat>().unwrap().to_string(), text);
        }
        for text in ["", "A", "1", "a1", "A0", "A01", "ABC1", "A1000", "A1x", "Ä1", "A١"] {
            assert!(text.parse::<Seat>().is_err(), "{text}");
        }
    }

    #[test]
    fn gaps_are_not_numbered_and_blocked_seats_are() {
        let layout: Layout = serde_json::from_value(serde_json::json!({ "rows": [{ "label": "A", "runs": [
            { "kind": "seats", "count": 1, "category": "standard" },
            { "kind": "gap", "count": 2 },
            { "kind": "blocked", "count": 1 },
            { "kind": "seats", "count": 1, "category": "premium" },
        ] }] }))
        .unwrap();
        let seats: Vec<_> = layout.seats().into_iter().map(|(s, c)| (s.to_string(), c.map(Category::as_str))).collect();
        assert_eq!(seats, [("A1".into(), Some("standard")), ("A2".into(), None), ("A3".into(), Some("premium"))]);
        assert_eq!(layout.capacity(), 2);
        for cell in layout.cells().filter(|cell| *cell != Cell::Gap) {
            let (Cell::Seat(seat, _) | Cell::Blocked(seat)) = cell else { continue };
            assert_eq!(layout.find(seat), Some(cell));
        }
        assert_eq!((layout.find("A4".parse().unwrap()), layout.find("B1".parse().unwrap())), (None, None));
    }

    #[test]
    fn a_layout_that_makes_no_sense_is_refused() {
        let row = |runs: serde_json::Value| serde_json::json!({ "label": "A", "runs": runs });
        let seats = serde_json::json!([{ "kind": "seats", "count": 2, "category": "standard" }]);
        for rows in [
            serde_json::json!([]),
            serde_json::json!([row(serde_json::json!([]))]),
            serde_json::json!([row(seats.clone()), row(seats.clone())]),
            serde_json::json!([row(seats), { "label": "B", "runs": [] }]),
            serde_json::json!([row(serde_json::json!([{ "kind": "seats", "count": 0, "category": "standard" }]))]),
            serde_json::json!([row(serde_json::json!([{ "kind": "seats", "count": 65535, "category": "standard" }]))]),
            serde_json::json!([row(serde_json::json!([{ "kind": "gap", "count": 2 }]))]),
        ] {
            assert!(serde_json::from_value::<Layout>(serde_json::json!({ "rows": rows })).is_err(), "{rows}");
        }
    }
}
