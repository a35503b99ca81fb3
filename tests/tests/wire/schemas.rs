//! What is checked in under `schemas/`, and what of it was used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use async_nats::HeaderMap;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The schemas by their ids, and which of them something was checked against; the channels of `asyncapi.json` by their
/// addresses, and which of them something was on.
pub(crate) struct Schemas {
    validators: BTreeMap<String, Validator>,
    used: BTreeSet<String>,
    addresses: BTreeSet<String>,
    spoken: BTreeSet<String>,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

impl Schemas {
    pub(crate) fn load() -> Self {
        let files = |folder: &str| fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let all = ["commands", "events", "queries", "rpc", "common"].into_iter().flat_map(files);
        let api: Value = serde_json::from_slice(&fs::read(root().join("asyncapi.json")).unwrap()).unwrap();
        let channels = api["channels"].as_object().unwrap().values();
        Self {
            validators: all.map(read).collect(),
            used: BTreeSet::new(),
            addresses: channels.filter_map(|channel| channel["address"].as_str().map(str::to_owned)).collect(),
            spoken: BTreeSet::new(),
        }
    }

    /// What nothing was checked against, and where nothing was.
    pub(crate) fn unused(&self) -> Vec<&String> {
        let ids = self.validators.keys().filter(|id| !self.used.contains(*id));
        ids.chain(self.addresses.difference(&self.spoken)).collect()
    }

    #[track_caller]
    pub(crate) fn check(&mut self, id: &str, message: &Value) {
        let validator = self.validators.get(id).unwrap_or_else(|| panic!("there is no schema {id}"));
        let errors: Vec<String> =
            validator.iter_errors(message).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{id}: {errors:#?}\n{message:#}");
        self.used.insert(id.to_owned());
    }

    #[track_caller]
    pub(crate) fn check_headers(&mut self, of: &str, headers: Option<&HeaderMap>) {
        let headers = headers.into_iter().flat_map(HeaderMap::iter).map(|(name, values)| {
            assert_eq!(values.len(), 1, "{name}");
            (name.to_string(), json!(values[0].as_str()))
        });
        self.check(&common(&format!("{of}-headers")), &headers.collect());
    }

    /// Something is on this subject: there must be a channel for it.
    #[track_caller]
    pub(crate) fn check_subject(&mut self, subject: &str) {
        let fits = |address: &&String| {
            let (address, subject) = (address.split('.').collect::<Vec<_>>(), subject.split('.').collect::<Vec<_>>());
            let same = |(token, found): (&&str, &&str)| token == found || token.starts_with('{');
            address.len() == subject.len() && address.iter().zip(&subject).all(same)
        };
        let address = self.addresses.iter().find(fits).unwrap_or_else(|| panic!("there is no channel for {subject}"));
        self.spoken.insert(address.clone());
    }
}

/// The id of a schema that belongs to no service.
pub(crate) fn common(name: &str) -> String {
    format!("urn:marquee:schema:{name}")
}

fn read(path: PathBuf) -> (String, Validator) {
    let schema: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let options = jsonschema::options().should_validate_formats(true);
    (schema["$id"].as_str().unwrap().to_owned(), options.build(&schema).unwrap())
}
