//! `schemas/` describes everything that travels and is made from the types. What is checked in is what the types make;
//! after a change, `UPDATE_SCHEMAS=1 cargo test -p contracts --test schemas` writes it anew.

// All of this is a test, and what is indexed is JSON, where a missing key is null.
#![allow(clippy::indexing_slicing)]

mod asyncapi;
mod compatibility;
mod documents;
mod examples;
mod index;
mod released;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result};
use compatibility::{Direction, breaks};
use contracts::bookings::{BookingCommand, BookingEvent};
use contracts::movies::{MovieCommand, MovieEvent};
use contracts::users::{UserCommand, UserEvent};
use contracts::{CommandSet, EventSet};
use documents::Documents;
use released::Release;
use serde_json::Value;

/// The folders that have nothing but what is made here. Beside them are the two documents made of all of it, the
/// gateway's openapi.json, and what is never made anew: what was released, and golden files.
const FOLDERS: [&str; 5] = ["commands", "events", "queries", "rpc", "common"];

/// Path below `schemas/` and text of each file.
type Files = BTreeMap<String, String>;

fn made(documents: &Documents) -> Result<Files> {
    let mut files = Files::new();
    for (path, document) in documents {
        files.insert(format!("{path}.json"), text(&document.schema)?);
    }
    files.insert("asyncapi.json".into(), text(&asyncapi::document(documents))?);
    files.insert("README.md".into(), index::page(documents, &documents::cases()?)?);
    Ok(files)
}

fn text(json: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(json)? + "\n")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

/// What is there of the files that are made here, and what else is in their folders.
fn checked_in(made: &Files) -> Result<Files> {
    let mut paths: BTreeSet<String> = made.keys().cloned().collect();
    for folder in FOLDERS {
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten() {
            paths.insert(format!("{folder}/{}", entry?.file_name().to_string_lossy()));
        }
    }
    let found = |path: &String| Some((path.clone(), fs::read_to_string(root().join(path)).ok()?));
    Ok(paths.iter().filter_map(found).collect())
}

fn write(made: &Files, found: &Files) -> Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(root().join(folder))?;
    }
    for path in found.keys().filter(|path| !made.contains_key(*path)) {
        fs::remove_file(root().join(path))?;
    }
    for (path, text) in made {
        fs::write(root().join(path), text)?;
    }
    Ok(())
}

#[test]
fn what_is_checked_in_is_what_the_types_make() {
    let made = made(&documents::all().unwrap()).unwrap();
    let found = checked_in(&made).unwrap();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        return write(&made, &found).unwrap();
    }
    let differ: BTreeSet<&String> =
        made.keys().chain(found.keys()).filter(|path| made.get(*path) != found.get(*path)).collect();
    assert!(
        differ.is_empty(),
        "schemas/ is not what the types make: {differ:?}\nto write it: UPDATE_SCHEMAS=1 cargo test -p contracts --test schemas"
    );
}

#[test]
fn nobody_who_knows_the_release_is_broken() {
    let (documents, version, path) =
        (documents::all().unwrap(), env!("CARGO_PKG_VERSION"), root().join("released.json"));
    let released: Option<Release> = fs::read(&path).ok().map(|text| serde_json::from_slice(&text).unwrap());
    let broken = released.as_ref().map_or_else(Vec::new, |released| released.broken_by(version, &documents));
    assert!(broken.is_empty(), "a change breaks those who know what was released: {broken:#?}");
    if std::env::var_os("RELEASE_SCHEMAS").is_some() {
        return fs::write(path, Release::of(version, &documents).text().unwrap()).unwrap();
    }
    assert!(released.is_some(), "there is no {}", path.display());
}

/// Whatever our schemas are made of, the comparison must be able to tell.
#[test]
fn in_every_schema_a_lost_field_breaks_and_a_new_one_does_not() {
    for (path, document) in documents::all().unwrap() {
        let (direction, schema) = (document.direction, document.schema);
        let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
            continue;
        };
        for name in properties.keys() {
            let mut lost = schema.clone();
            lost["properties"].as_object_mut().unwrap().remove(name);
            lost["required"] =
                schema["required"].as_array().into_iter().flatten().filter(|field| *field != name).cloned().collect();
            // Who sends what is ignored is not refused.
            let ignored = direction == Direction::Input && schema["additionalProperties"] != false;
            let noticed = !breaks(direction, &schema, &lost).is_empty();
            assert_ne!(noticed, ignored, "{path} without {name}");
        }
        let mut more = schema.clone();
        more["properties"]["something_new"] = serde_json::json!({ "type": ["string", "null"] });
        let refused = direction != Direction::Input && schema["additionalProperties"] == false;
        assert_eq!(!breaks(direction, &schema, &more).is_empty(), refused, "{path}");
    }
}

#[test]
fn the_asyncapi_document_is_one() {
    // AsyncAPI's own, unchanged: @asyncapi/specs 6.11.1, Apache License 2.0.
    let specification = serde_json::from_str(include_str!("asyncapi-3.0.0.json")).unwrap();
    let (validator, documents) = (jsonschema::validator_for(&specification).unwrap(), documents::all().unwrap());
    let document = asyncapi::document(&documents);
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut broken = document.clone();
    broken["operations"]["cmd.bookings.place"]["action"] = "publish".into();
    assert!(!validator.is_valid(&broken));

    let mut referred = Vec::new();
    references(&document, &mut referred);
    for reference in &referred {
        let found = match reference.strip_prefix('#') {
            Some(pointer) => document.pointer(pointer).is_some(),
            None => documents.contains_key(reference.trim_end_matches(".json")),
        };
        assert!(found, "{reference} leads nowhere");
    }
    let unused: Vec<&String> = documents.keys().filter(|path| !referred.contains(&format!("{path}.json"))).collect();
    assert_eq!(unused, ["common/problem-type"], "not in the document");
    for (key, channel) in document["channels"].as_object().unwrap() {
        let address = channel["address"].as_str().unwrap_or_default();
        let named: Vec<&str> = address.split(['{', '}']).skip(1).step_by(2).collect();
        let declared = channel["parameters"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        assert_eq!(named, declared.collect::<Vec<_>>(), "{key}");
    }
}

fn references(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_id_is_of_one_document() {
    let documents = documents::all().unwrap();
    let ids: BTreeSet<&str> = documents.values().map(|document| document.schema["$id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), documents.len());
}

#[test]
fn every_schema_has_examples_that_fit() {
    let mut wrong = Vec::new();
    for (path, document) in documents::all().unwrap() {
        let validator = jsonschema::options().should_validate_formats(true).build(&document.schema).unwrap();
        let examples = document.schema["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{path}");
        for example in examples {
            let errors =
                validator.iter_errors(example).map(|error| format!("{path}{}: {error}", error.instance_path()));
            wrong.extend(errors);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn examples_of_commands_and_events_are_read_as_they_are_written() {
    for (path, document) in documents::all().unwrap() {
        let (example, parts) = (&document.schema["examples"][0], path.split(['/', '.']).collect::<Vec<_>>());
        let again = match parts[..] {
            ["commands", service, name] => command(service, name, example),
            ["events", service, name, version] => event(service, &format!("{name}.{version}"), example),
            _ => continue,
        };
        assert_eq!(&again.unwrap(), example, "{path}");
    }
}

fn command(service: &str, name: &str, example: &Value) -> Result<Value> {
    fn read<C: CommandSet>(name: &str, text: &str) -> Result<String> {
        Ok(C::decode(name, text.as_bytes())?.encode()?.get().to_owned())
    }
    let text = example.to_string();
    let again = match service {
        "users" => read::<UserCommand>(name, &text),
        "movies" => read::<MovieCommand>(name, &text),
        _ => read::<BookingCommand>(name, &text),
    };
    Ok(serde_json::from_str(&again?)?)
}

fn event(service: &str, name: &str, example: &Value) -> Result<Value> {
    fn read<E: EventSet>(name: &str, text: &str) -> Result<String> {
        Ok(E::decode(name, text.as_bytes()).map_err(Error::msg)?.encode()?)
    }
    let text = example.to_string();
    let again = match service {
        "users" => read::<UserEvent>(name, &text),
        "movies" => read::<MovieEvent>(name, &text),
        _ => read::<BookingEvent>(name, &text),
    };
    Ok(serde_json::from_str(&again?)?)
}
