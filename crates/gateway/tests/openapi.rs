//! `schemas/openapi.json` is what the routes make; after a change, `UPDATE_SCHEMAS=1 cargo test -p gateway` writes it
//! anew. And what the document promises on every operation is there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy takes a test's helpers for production code")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

fn document() -> Value {
    serde_json::to_value(gateway::openapi()).unwrap()
}

/// Every operation: path, method and what is said of it.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
    });
    operations.collect()
}

/// What a reference, if it is one, refers to.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

#[test]
fn what_is_checked_in_is_what_the_routes_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/openapi.json");
    let made = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == made,
        "schemas/openapi.json is not what the routes make\nto write it: UPDATE_SCHEMAS=1 cargo test -p gateway"
    );
}

#[test]
fn every_path_that_was_promised_is_there() {
    let document = document();
    let made: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let mut promised = BTreeSet::from(
        ["/api/users/{id}/bookings", "/api/showtimes/{id}/seats", "/api/movies/{id}/showtimes", "/api/operations/{id}"]
            .map(|path| format!("get {path}")),
    );
    for things in ["/api/users", "/api/movies", "/api/halls", "/api/showtimes", "/api/bookings", "/api/user"] {
        let list = match things {
            "/api/user" => "/api/user/",
            other => other,
        };
        promised.extend(["get", "post"].map(|method| format!("{method} {list}")));
        promised.extend(["get", "put", "delete"].map(|method| format!("{method} {things}/{{id}}")));
    }
    for list in ["/api/movies/", "/api/bookings/"] {
        promised.extend(["get", "post"].map(|method| format!("{method} {list}")));
    }
    promised.insert("get /api/user/{id}/Bookings/".into());
    promised.insert("get /api/events".into());
    for access in [
        "post /api/sessions",
        "post /api/sessions/refresh",
        "delete /api/sessions/{id}",
        "get /api/api-keys",
        "post /api/api-keys",
        "delete /api/api-keys/{id}",
        "put /api/users/{id}/password",
        "put /api/users/{id}/roles",
        "post /api/bookings/{id}/check-in",
        "get /api/bookings/{id}/history",
        "get /api/audit",
        "get /api/users/{id}/export",
        "get /api/dead-letters",
        "get /api/dead-letters/{id}",
        "delete /api/dead-letters/{id}",
        "post /api/dead-letters/{id}/retry",
    ] {
        promised.insert(access.into());
    }
    assert_eq!(made, promised);
}

#[test]
fn every_operation_says_what_it_does_and_how_it_fails() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        for text in ["summary", "description", "operationId"] {
            assert!(operation[text].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {text}");
        }
        assert!(ids.insert(operation["operationId"].to_string()), "{name} has another's operationId");
        let tag = &operation["tags"][0];
        assert!(document["tags"].as_array().unwrap().iter().any(|known| &known["name"] == tag), "{name} has no tag");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        for status in ["422", "500", "503"] {
            assert!(responses.contains_key(status), "{name} does not say when it answers {status}");
        }
        for (status, response) in responses {
            let response = resolve(&document, response);
            assert!(response["description"].is_string(), "{name}: {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{name}: {status}");
            }
        }
    }
}

#[test]
fn examples_are_there_and_fit() {
    let document = document();
    for (name, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(&document, parameter);
            assert!(parameter["description"].is_string(), "{name}: {parameter}");
            // An optional parameter with an example would be sent whenever someone tries the operation out.
            assert_eq!(parameter["required"] == true, !parameter["example"].is_null(), "{name}: {parameter}");
        }
        let Some(body) = operation.get("requestBody") else { continue };
        let content = &body["content"]["application/json"];
        assert!(content["example"].is_object(), "{name} has no example");
        let schema = json!({ "allOf": [content["schema"]], "components": document["components"] });
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&content["example"]).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn visit(document: &Value, value: &Value) {
        resolve(document, value);
        match value {
            Value::Array(items) => items.iter().for_each(|item| visit(document, item)),
            Value::Object(members) => members.values().for_each(|member| visit(document, member)),
            _ => {}
        }
    }
    let document = document();
    visit(&document, &document);
}

#[test]
fn a_thing_that_is_shown_has_no_more_rules_than_what_it_is_made_from() {
    let document = document();
    let schema = json!({ "$ref": "#/components/schemas/User", "components": document["components"] });
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let user = json!({
        "id": gateway::examples::user(1), "version": 1, "username": "ada", "email": "ada@example.com",
        "full_name": "Ada Lovelace", "roles": ["customer"], "created_at": "2030-01-31T20:00:00Z", "updated_at": "2030-01-31T20:00:00Z",
    });
    assert!(validator.is_valid(&user));
    assert!(!validator.is_valid(&json!({ "id": gateway::examples::user(1) })));
}
