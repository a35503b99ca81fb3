//! How seats stand in a hall.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::seat::{Category, RowLabel, Seat};

/// A hall has at most this many rows.
pub const MAX_ROWS: usize = 100;
/// A row has at most this many seats, and as many gaps.
pub const MAX_ROW_WIDTH: u32 = 200;

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
