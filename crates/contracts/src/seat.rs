//! A seat, its row and what it is sold as, by name.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

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

/// What a seat is sold as; each showtime has a price for each category of its hall. Lower-case words and hyphens. All seats
/// that were sold as the same share its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Category(Arc<str>);

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
            Ok(Self(text.into()))
        } else {
            Err("must be a lower-case word such as standard, of at most 32 characters".into())
        }
    }
}

impl From<Category> for String {
    fn from(category: Category) -> String {
        category.as_str().to_owned()
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
}
