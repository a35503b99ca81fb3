//! `schemas/` describes everything that travels and is made from the types. What is checked in is what the types make;
//! after a change, `UPDATE_SCHEMAS=1 cargo test -p contracts --test schemas` writes it anew.

mod compatibility;
mod documents;
mod examples;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use contracts::bookings::{BookingCommand, BookingEvent};
use contracts::movies::{MovieCommand, MovieEvent};
use contracts::users::{UserCommand, UserEvent};
use contracts::{CommandSet, EventSet, Service};
use documents::Documents;
use serde_json::Value;

/// The folders that have nothing but what is made here.
const FOLDERS: [&str; 5] = ["commands", "events", "queries", "rpc", "common"];

/// Path below `schemas/` and text of each file.
type Files = BTreeMap<String, String>;

fn made(documents: &Documents) -> Result<Files> {
    let mut files = Files::new();
    for (path, document) in documents {
        files.insert(format!("{path}.json"), text(&document.schema)?);
    }
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
            let errors = validator.iter_errors(example).map(|error| format!("{path}{}: {error}", error.instance_path()));
            wrong.extend(errors);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn examples_of_commands_and_events_are_read_as_they_are_written() {
    for (path, document) in documents::all().unwrap() {
        let example = &document.schema["examples"][0];
        let Some((service, name)) = path.split_once('/').and_then(|(_, file)| file.split_once('.')) else { continue };
        let service = Service::ALL.into_iter().find(|known| known.name() == service).unwrap();
        let again = match path.split('/').next().unwrap() {
            "commands" if !name.ends_with(".reply") => command(service, name, example),
            "events" => event(service, name, example),
            _ => continue,
        };
        assert_eq!(&again, example, "{path}");
    }
}

#[track_caller]
fn command(service: Service, name: &str, example: &Value) -> Value {
    fn read<C: CommandSet>(name: &str, text: &str) -> String {
        C::decode(name, text.as_bytes()).unwrap().encode().unwrap().get().to_owned()
    }
    let text = example.to_string();
    let again = match service {
        Service::Users => read::<UserCommand>(name, &text),
        Service::Movies => read::<MovieCommand>(name, &text),
        Service::Bookings => read::<BookingCommand>(name, &text),
    };
    serde_json::from_str(&again).unwrap()
}

#[track_caller]
fn event(service: Service, name: &str, example: &Value) -> Value {
    fn read<E: EventSet>(name: &str, text: &str) -> String {
        E::decode(name, text.as_bytes()).unwrap().encode().unwrap()
    }
    let text = example.to_string();
    let again = match service {
        Service::Users => read::<UserEvent>(name, &text),
        Service::Movies => read::<MovieEvent>(name, &text),
        Service::Bookings => read::<BookingEvent>(name, &text),
    };
    serde_json::from_str(&again).unwrap()
}
