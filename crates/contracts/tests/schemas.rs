//! `schemas/` has the JSON Schema of everything that travels, made from the types. What is checked in is what the types
//! make; after a change, `UPDATE_SCHEMAS=1 cargo test -p contracts --test schemas` writes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::Result;
use std::path::{Path, PathBuf};

use contracts::audit::{AuditEntry, GetAudit};
use contracts::bookings::{BookingCommand, BookingEvent};
use contracts::message::{BatchedCommand, MessageSpec, schema_of};
use contracts::movies::{MovieCommand, MovieEvent};
use contracts::operations::GetOperation;
use contracts::page::Page;
use contracts::users::{UserCommand, UserEvent};
use contracts::{CommandSet, EventSet, Outcome, Problem, Service, bookings, halls, movies, showtimes, users};
use schemars::Schema;

/// The folders that have nothing but what is made here; the documents beside them have tests of their own.
const FOLDERS: [&str; 5] = ["commands", "events", "queries", "rpc", "common"];

/// Path below `schemas/` and text of each document.
type Documents = BTreeMap<String, String>;

fn all() -> Result<Documents> {
    let mut documents = Documents::new();
    for (service, commands, events) in [
        (Service::Users, UserCommand::specs(), UserEvent::specs()),
        (Service::Movies, MovieCommand::specs(), MovieEvent::specs()),
        (Service::Bookings, BookingCommand::specs(), BookingEvent::specs()),
    ] {
        add(&mut documents, "commands", service, ("command", "answer"), &commands)?;
        add(&mut documents, "events", service, ("event", ""), &events)?;
    }
    let films = [movies::queries(), halls::queries(), showtimes::queries()].concat();
    for (service, queries) in
        [(Service::Users, users::queries()), (Service::Movies, films), (Service::Bookings, bookings::queries())]
    {
        add(&mut documents, "queries", service, ("query", "reply"), &queries)?;
    }
    for (service, methods) in [(Service::Users, users::rpc_methods()), (Service::Movies, showtimes::rpc_methods())] {
        add(&mut documents, "rpc", service, ("rpc", "rpc-reply"), &methods)?;
    }
    for (name, schema) in [
        ("audit", schema_of::<GetAudit>()),
        ("audit.reply", schema_of::<Page<AuditEntry>>()),
        ("batch", schema_of::<Vec<BatchedCommand>>()),
        ("operation", schema_of::<GetOperation>()),
        ("outcome", schema_of::<Outcome>()),
        ("problem", schema_of::<Problem>()),
    ] {
        documents.insert(format!("common/{name}.json"), text(format!("urn:marquee:schema:{name}"), schema)?);
    }
    Ok(documents)
}

/// `<folder>/<service>.<name>.json`, and what is answered as `<folder>/<service>.<name>.reply.json`; `request` and
/// `reply` are the words in their ids.
fn add(
    documents: &mut Documents,
    folder: &str,
    service: Service,
    (request, reply): (&str, &str),
    specs: &[MessageSpec],
) -> Result<()> {
    for spec in specs {
        let name = spec.name;
        let body = text(service.schema(request, name), (spec.request)())?;
        documents.insert(format!("{folder}/{service}.{name}.json"), body);
        if let Some(answer) = spec.reply {
            let body = text(service.schema(reply, name), answer())?;
            documents.insert(format!("{folder}/{service}.{name}.reply.json"), body);
        }
    }
    Ok(())
}

/// The schema as JSON, with its id in front.
fn text(id: String, mut schema: Schema) -> Result<String> {
    let made = std::mem::take(schema.ensure_object());
    schema.insert("$id".into(), id.into());
    schema.ensure_object().extend(made);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn checked_in() -> Result<Documents> {
    let mut documents = Documents::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten() {
            let entry = entry?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            documents.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(documents)
}

fn write(documents: &Documents, old: &Documents) -> Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(root().join(folder))?;
    }
    for path in old.keys().filter(|path| !documents.contains_key(*path)) {
        fs::remove_file(root().join(path))?;
    }
    for (path, text) in documents {
        fs::write(root().join(path), text)?;
    }
    Ok(())
}

#[test]
fn what_is_checked_in_is_what_the_types_make() {
    let (made, found) = (all().unwrap(), checked_in().unwrap());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        return write(&made, &found).unwrap();
    }
    let differ: Vec<&String> =
        made.keys().chain(found.keys()).filter(|path| made.get(*path) != found.get(*path)).collect();
    assert!(
        differ.is_empty(),
        "schemas/ is not what the types make: {differ:?}\nto write it: UPDATE_SCHEMAS=1 cargo test -p contracts --test schemas"
    );
}

#[test]
fn every_id_is_of_one_document() {
    let documents = all().unwrap();
    let ids: std::collections::BTreeSet<String> = documents
        .values()
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap()["$id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), documents.len());
}
