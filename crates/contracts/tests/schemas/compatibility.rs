//! Whether those who know a message in its released form get along with today's. The comparison is jsonschema's: one
//! schema covers another when it admits every value that the other admits.

use jsonschema::canonical::{CanonicalSchema, Containment};
use serde_json::{Value, json};

/// Who must understand whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Others send it: what they send by the released schema must still fit.
    Input,
    /// Others read it: what is sent today must fit the released schema.
    Output,
    /// Others read it, and today's programs read what was stored by the released schema.
    Event,
}

/// What breaks between the released schema and today's, in words.
pub(crate) fn breaks(direction: Direction, released: &Value, today: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if direction != Direction::Output && !covers(today, &as_written(released.clone())) {
        found.push(format!("what was written by the released schema is refused today{}", fields(released, today)));
    }
    if direction != Direction::Input && !covers(released, today) {
        found.push(format!("whoever reads by the released schema refuses today's{}", fields(released, today)));
    }
    found
}

/// Nobody has written fields that a schema does not name, also where it would admit them.
fn as_written(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".into(), json!(false));
            }
            for (_, inner) in object.iter_mut() {
                *inner = as_written(inner.take());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = as_written(item.take())),
        _ => {}
    }
    schema
}

/// What can't be told counts as no.
fn covers(outer: &Value, inner: &Value) -> bool {
    outer == inner
        || match (canonical(outer), canonical(inner)) {
            (Some(outer), Some(inner)) => matches!(outer.covers(&inner), Ok(Containment::Yes)),
            _ => false,
        }
}

fn canonical(schema: &Value) -> Option<CanonicalSchema> {
    jsonschema::canonical::options().offline().canonicalize(schema).ok()
}

/// Where the two differ, for whoever has to find it.
fn fields(released: &Value, today: &Value) -> String {
    let named = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    let (before, after) = (named(released), named(today));
    let differ = before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name));
    let mut differ: Vec<&String> = differ.collect();
    differ.sort_unstable();
    differ.dedup();
    if released["required"] == today["required"] {
        format!(": {differ:?}")
    } else {
        format!(": {differ:?}, required were {} and are {}", released["required"], today["required"])
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{Event, Input, Output};
    use super::*;

    const ALL: [Direction; 3] = [Input, Output, Event];

    /// Which directions a change breaks.
    fn broken(released: &Value, today: &Value) -> Vec<Direction> {
        ALL.into_iter().filter(|direction| !breaks(*direction, released, today).is_empty()).collect()
    }

    /// An object of these properties; those in `required` must be there.
    fn object(properties: Value, required: &[&str]) -> Value {
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object", "properties": properties, "required": required,
            "$defs": { "Money": { "type": "object", "additionalProperties": false, "required": ["amount"], "properties": {
                "amount": { "type": "integer", "format": "uint32", "minimum": 0 } } } } })
    }

    fn closed(mut schema: Value) -> Value {
        schema["additionalProperties"] = json!(false);
        schema
    }

    fn booking() -> Value {
        json!({
            "id": { "type": "string", "format": "uuid" },
            "note": { "type": ["string", "null"], "maxLength": 200 },
            "seats": { "type": "array", "items": { "type": "string", "pattern": "^[A-Z]{1,2}[1-9][0-9]{0,2}$" }, "minItems": 1 },
            "total": { "$ref": "#/$defs/Money" },
            "status": { "oneOf": [{ "const": "confirmed" }, { "const": "cancelled" }] },
        })
    }

    const REQUIRED: [&str; 4] = ["id", "seats", "total", "status"];

    fn with(field: &str, schema: Value) -> Value {
        let mut properties = booking();
        properties[field] = schema;
        properties
    }

    fn without(field: &str) -> Value {
        let mut properties = booking();
        properties.as_object_mut().unwrap().remove(field);
        properties
    }

    #[test]
    fn what_does_not_change_breaks_nothing() {
        let released = object(booking(), &REQUIRED);
        let mut described = released.clone();
        described["description"] = json!("In other words.");
        described["properties"]["id"]["examples"] = json!(["x"]);
        assert_eq!(broken(&released, &released), []);
        assert_eq!(broken(&released, &described), []);
    }

    #[test]
    fn a_removed_or_renamed_field_breaks_everyone() {
        let renamed = |mut properties: Value| {
            properties["remark"] = booking()["note"].clone();
            properties
        };
        for today in [without("note"), renamed(without("note"))] {
            assert_eq!(
                broken(&closed(object(booking(), &REQUIRED)), &closed(object(today.clone(), &REQUIRED)))[0],
                Input
            );
            let open = broken(&object(booking(), &REQUIRED), &object(today, &REQUIRED));
            assert!(open.contains(&Output) && open.contains(&Event), "{open:?}");
        }
    }

    #[test]
    fn a_retyped_field_breaks_everyone() {
        for (field, schema) in [
            ("id", json!({ "type": "integer" })),
            ("seats", json!({ "type": "string" })),
            ("total", json!({ "type": "integer", "minimum": 0 })),
            ("note", json!({ "type": "boolean" })),
        ] {
            let today = object(with(field, schema), &REQUIRED);
            assert_eq!(broken(&object(booking(), &REQUIRED), &today), ALL, "{field}");
        }
    }

    #[test]
    fn a_new_required_field_breaks_those_who_send() {
        let today =
            object(with("currency", json!({ "type": "string" })), &["id", "seats", "total", "status", "currency"]);
        assert_eq!(broken(&object(booking(), &REQUIRED), &today), [Input, Event]);
    }

    #[test]
    fn a_new_optional_field_breaks_nobody_where_others_are_ignored() {
        let optional = with("currency", json!({ "type": ["string", "null"] }));
        let today = object(optional.clone(), &REQUIRED);
        assert_eq!(broken(&object(booking(), &REQUIRED), &today), []);
        // Who refuses unknown fields can't read it.
        let today = closed(object(optional, &REQUIRED));
        assert_eq!(broken(&closed(object(booking(), &REQUIRED)), &today), [Output, Event]);
    }

    #[test]
    fn what_becomes_optional_breaks_those_who_read() {
        let today = object(booking(), &["id", "seats", "total"]);
        assert_eq!(broken(&object(booking(), &REQUIRED), &today), [Output, Event]);
        let nullable = object(with("id", json!({ "type": ["string", "null"], "format": "uuid" })), &REQUIRED);
        assert_eq!(broken(&object(booking(), &REQUIRED), &nullable), [Output, Event]);
    }

    #[test]
    fn what_becomes_required_breaks_those_who_send() {
        let today = object(booking(), &["id", "seats", "total", "status", "note"]);
        assert_eq!(broken(&object(booking(), &REQUIRED), &today), [Input, Event]);
    }

    #[test]
    fn a_value_more_breaks_those_who_read_and_one_less_those_who_send() {
        let released = object(booking(), &REQUIRED);
        let more = json!({ "oneOf": [{ "const": "confirmed" }, { "const": "held" }, { "const": "cancelled" }] });
        assert_eq!(broken(&released, &object(with("status", more), &REQUIRED)), [Output, Event]);
        let less = json!({ "oneOf": [{ "const": "confirmed" }] });
        assert_eq!(broken(&released, &object(with("status", less), &REQUIRED)), [Input, Event]);
    }

    #[test]
    fn narrower_breaks_those_who_send_and_wider_those_who_read() {
        let released = object(booking(), &REQUIRED);
        let note = |length: u32| json!({ "type": ["string", "null"], "maxLength": length });
        assert_eq!(broken(&released, &object(with("note", note(100)), &REQUIRED)), [Input, Event]);
        assert_eq!(broken(&released, &object(with("note", note(300)), &REQUIRED)), [Output, Event]);
    }

    #[test]
    fn a_change_inside_of_what_is_referred_to_is_seen() {
        let released = object(booking(), &REQUIRED);
        let mut today = released.clone();
        today["$defs"]["Money"]["properties"]["amount"]["type"] = json!("string");
        assert_eq!(broken(&released, &today), ALL);
    }
}
