//! The schemas of all messages, and of what they have in common.

use std::collections::BTreeMap;

use anyhow::Result;
use contracts::catalogue::{Catalogue, common_queries};
use contracts::envelope::{
    AskHeaders, BatchHeaders, CommandHeaders, DeadLetterHeaders, EventHeaders, LiveHeaders, ProblemHeaders,
    QueryHeaders,
};
use contracts::message::{BatchedCommand, LiveEvent, MessageSpec, schema_of};
use contracts::problem::TYPE_PREFIX;
use contracts::{Case, Outcome, Problem, Service};
use schemars::Schema;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::compatibility::Direction;
use crate::examples::example;

/// One schema.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Who must go on understanding whom.
    pub(crate) direction: Direction,
    /// Where it travels, for what has a subject of its own.
    pub(crate) subject: Option<String>,
    /// The schema, with examples.
    pub(crate) schema: Value,
}

/// Each schema by its path below `schemas/`, without the ending.
pub(crate) type Documents = BTreeMap<String, Document>;

/// All of them.
pub(crate) fn all() -> Result<Documents> {
    let mut documents = Documents::new();
    for service in Service::ALL {
        let Catalogue { commands, events, queries, methods, .. } = Catalogue::of(service);
        for spec in commands {
            let subject = service.command(spec.name);
            add(&mut documents, service, &spec, ("commands", subject), ("command", "answer"))?;
        }
        for spec in queries {
            let subject = service.query(spec.name);
            add(&mut documents, service, &spec, ("queries", subject), ("query", "reply"))?;
        }
        for spec in methods {
            let subject = service.rpc(spec.name);
            add(&mut documents, service, &spec, ("rpc", subject), ("rpc", "rpc-reply"))?;
        }
        for spec in events {
            let schema = with_example(service.schema("event", spec.name), (spec.request)())?;
            let subject = Some(event_subject(service, &spec));
            let document = Document { direction: Direction::Event, subject, schema };
            documents.insert(format!("events/{service}.{}", spec.name), document);
        }
    }
    for spec in common_queries() {
        let (name, reply) = (spec.name, format!("{}.reply", spec.name));
        documents.insert(format!("common/{name}"), common(Direction::Input, name, (spec.request)())?);
        if let Some(answer) = spec.reply {
            documents.insert(format!("common/{reply}"), common(Direction::Output, &reply, answer())?);
        }
    }
    for (name, direction, schema) in [
        ("batch", Direction::Input, schema_of::<Vec<BatchedCommand>>()),
        ("outcome", Direction::Output, schema_of::<Outcome>()),
        ("outcomes", Direction::Output, schema_of::<Vec<Outcome>>()),
        ("live", Direction::Output, schema_of::<Vec<LiveEvent<'_>>>()),
        ("live-headers", Direction::Output, schema_of::<LiveHeaders>()),
        ("event-headers", Direction::Event, schema_of::<EventHeaders>()),
        ("command-headers", Direction::Input, schema_of::<CommandHeaders>()),
        ("batch-headers", Direction::Input, schema_of::<BatchHeaders>()),
        ("ask-headers", Direction::Input, schema_of::<AskHeaders>()),
        ("query-headers", Direction::Input, schema_of::<QueryHeaders>()),
        ("problem-headers", Direction::Output, schema_of::<ProblemHeaders>()),
        ("dead-letter-headers", Direction::Output, schema_of::<DeadLetterHeaders>()),
    ] {
        documents.insert(format!("common/{name}"), common(direction, name, schema)?);
    }
    let mut problem = common(Direction::Output, "problem", schema_of::<Problem>())?;
    let examples: Result<Vec<Value>> = cases()?.iter().map(|case| Ok(serde_json::to_value(case.example())?)).collect();
    problem.schema["examples"] = examples?.into();
    documents.insert("common/problem".into(), problem);
    documents.insert("common/problem-type".into(), problem_type()?);
    Ok(documents)
}

/// `cinema.evt.<service>.{id of what}.<event>`.
pub(crate) fn event_subject(service: Service, event: &MessageSpec) -> String {
    let name = event.name.split('.').next().unwrap_or_default();
    let parameter = format!("{{{}}}", event.about.unwrap_or_default());
    service.event(Uuid::nil(), name).replace(&Uuid::nil().to_string(), &parameter)
}

/// `<folder>/<service>.<name>`, and what is answered as `<folder>/<service>.<name>.reply`; the last two are the words in
/// their ids.
fn add(
    documents: &mut Documents,
    service: Service,
    spec: &MessageSpec,
    (folder, subject): (&str, String),
    (request, reply): (&str, &str),
) -> Result<()> {
    let path = format!("{folder}/{service}.{}", spec.name);
    if let Some(answer) = spec.reply {
        let schema = with_example(service.schema(reply, spec.name), answer())?;
        documents.insert(format!("{path}.reply"), Document { direction: Direction::Output, subject: None, schema });
    }
    let schema = with_example(service.schema(request, spec.name), (spec.request)())?;
    documents.insert(path, Document { direction: Direction::Input, subject: Some(subject), schema });
    Ok(())
}

fn common(direction: Direction, name: &str, schema: Schema) -> Result<Document> {
    Ok(Document { direction, subject: None, schema: with_example(format!("urn:marquee:schema:{name}"), schema)? })
}

/// The schema with its id in front and an example at the end.
fn with_example(id: String, mut schema: Schema) -> Result<Value> {
    let made = std::mem::take(schema.ensure_object());
    schema.insert("$id".into(), id.into());
    schema.ensure_object().extend(made);
    let example = example(schema.as_value());
    schema.insert("examples".into(), json!([example]));
    Ok(serde_json::to_value(schema)?)
}

/// A case that problems tell of.
pub(crate) struct Told {
    /// The case.
    pub(crate) case: Case,
    /// What it means.
    pub(crate) meaning: String,
}

impl Told {
    fn example(&self) -> Problem {
        Problem::new(self.case, self.meaning.clone())
    }
}

/// All cases, in the order they are declared in.
pub(crate) fn cases() -> Result<Vec<Told>> {
    let schema = schema_of::<Case>().to_value();
    let variants = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    variants
        .into_iter()
        .map(|variant| {
            let meaning = variant["description"].as_str().unwrap_or_default().to_owned();
            Ok(Told { case: serde_json::from_value(variant["const"].clone())?, meaning })
        })
        .collect()
}

/// The `type` of a problem. More may come, so it is no part of the problem's schema; none may go.
fn problem_type() -> Result<Document> {
    let types: Vec<Value> = cases()?
        .into_iter()
        .map(|Told { case, meaning }| {
            let description = format!("{meaning} Status {}.", case.status());
            json!({ "const": format!("{TYPE_PREFIX}{}", case.name()), "title": case.title(), "description": description })
        })
        .collect();
    let examples: Vec<&Value> = types.iter().map(|one| &one["const"]).collect();
    let schema = json!({
        "$id": "urn:marquee:schema:problem-type",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ProblemType",
        "description": "The `type` of a problem. More may come.",
        "type": "string",
        "oneOf": types,
        "examples": examples,
    });
    Ok(Document { direction: Direction::Input, subject: None, schema })
}
