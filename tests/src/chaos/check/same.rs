//! Whether two pieces of JSON say the same.

use chrono::DateTime;
use serde_json::Value;

/// True for equal JSON; 8 is 8.0, one time can be written in several ways, and blanks around a text don't count.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::String(one), Value::String(other)) => one.trim() == other.trim() || same_time(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let found = |(name, value)| other.get(name).is_some_and(|other| same(value, other));
            one.len() == other.len() && one.iter().all(found)
        }
        (one, other) => one == other,
    }
}

fn same_time(one: &str, other: &str) -> bool {
    let time = DateTime::parse_from_rfc3339;
    matches!((time(one), time(other)), (Ok(one), Ok(other)) if one == other)
}

/// Where `shown` says something else than `view`, in words. What only `shown` has doesn't count.
pub(super) fn differences(view: &Value, shown: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", view, shown, &mut found);
    found
}

/// The same for whichever of several views is the least unlike.
pub(super) fn unlike(views: impl Iterator<Item = Value>, shown: &Value) -> Vec<String> {
    let all = views.map(|view| differences(&view, shown));
    all.min_by_key(Vec::len).unwrap_or_else(|| vec!["there is no such thing".into()])
}

fn walk(path: &str, view: &Value, shown: &Value, found: &mut Vec<String>) {
    match (view, shown) {
        (Value::Object(fields), Value::Object(others)) => {
            for (name, field) in fields {
                walk(&format!("{path}.{name}"), field, others.get(name).unwrap_or(&Value::Null), found);
            }
        }
        _ if same(view, shown) => {}
        _ => found.push(format!("{} is {shown}, not {view}", path.trim_start_matches('.'))),
    }
}

/// True for null and for an empty list, which say as much as a field that isn't there.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
