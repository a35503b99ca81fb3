//! Money: whole minor units and an ISO 4217 currency; never a fraction.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bookings::MAX_SEATS;

/// An amount in the currency's minor unit (cents, for EUR).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units, at most 100,000,000.
    #[schemars(range(max = 100_000_000))]
    #[schema(example = 1250, maximum = 100_000_000)]
    #[serde(deserialize_with = "bounded")]
    pub amount: u32,
    /// ISO 4217 code.
    #[schema(value_type = String, example = "EUR", pattern = "^[A-Z]{3}$")]
    pub currency: Currency,
}

/// No sum is higher.
pub const MAX_AMOUNT: u32 = 100_000_000;
/// No price of one seat is higher, so that what one user can book of a showtime stays within [`MAX_AMOUNT`].
pub const MAX_PRICE: u32 = MAX_AMOUNT / MAX_SEATS as u32;

fn bounded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let amount = u32::deserialize(deserializer)?;
    if amount > MAX_AMOUNT {
        return Err(serde::de::Error::custom(format!("must be at most {MAX_AMOUNT}")));
    }
    Ok(amount)
}

/// Three capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl TryFrom<String> for Currency {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err("must be a currency code of three capital letters such as EUR".into()),
        }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.0.iter().map(|byte| char::from(*byte)).collect()
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}
