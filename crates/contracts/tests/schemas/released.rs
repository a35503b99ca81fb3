//! `released.json` has the form of everything as it was last released: what others have built upon. Whatever is changed
//! since, they must get along with; `UPDATE_SCHEMAS` leaves it alone. To release is a decision of its own:
//! `RELEASE_SCHEMAS=1 cargo test -p contracts --test schemas`, which refuses breaks as well.
//!
//! What must break, breaks with a new version: an event's is in its name (`booking-placed.v2`, beside v1, which stays),
//! that of all else is the workspace's, as cargo compares versions.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compatibility::{Direction, breaks};
use crate::documents::{Document, Documents};

/// All of a release.
#[derive(Serialize, Deserialize)]
pub(crate) struct Release {
    version: String,
    messages: BTreeMap<String, Form>,
}

/// A message as it was released.
#[derive(Serialize, Deserialize)]
struct Form {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    schema: Value,
}

impl Release {
    /// What would be released today.
    pub(crate) fn of(version: &str, documents: &Documents) -> Self {
        let form =
            |document: &Document| Form { subject: document.subject.clone(), schema: bare(&document.schema, false) };
        let messages = documents.iter().map(|(path, document)| (path.clone(), form(document))).collect();
        Self { version: version.into(), messages }
    }

    /// A line for each message, so that a difference shows which.
    pub(crate) fn text(&self) -> Result<String> {
        let lines: Result<Vec<String>> = self
            .messages
            .iter()
            .map(|(path, form)| Ok(format!("{}: {}", serde_json::to_string(path)?, serde_json::to_string(form)?)))
            .collect();
        Ok(format!("{{\"version\": \"{}\", \"messages\": {{\n{}\n}}}}\n", self.version, lines?.join(",\n")))
    }

    /// Each message whose users don't get along with `documents`, and why.
    pub(crate) fn broken_by(&self, version: &str, documents: &Documents) -> Vec<String> {
        let may_break = !compatible(&self.version, version);
        let mut broken = Vec::new();
        for (path, released) in self.messages.iter().filter(|(path, _)| !may_break || path.starts_with("events/")) {
            let Some(today) = documents.get(path) else {
                broken.push(format!("{path} is gone"));
                continue;
            };
            if released.subject != today.subject {
                broken.push(format!("{path} was on {:?} and is on {:?}", released.subject, today.subject));
            }
            let why = breaks(today.direction, &released.schema, &bare(&today.schema, false));
            broken.extend(why.into_iter().map(|why| format!("{path}: {why}")));
        }
        broken
    }
}

/// The schema without what is said for people. `names` is true where the keys are names of fields.
fn bare(schema: &Value, names: bool) -> Value {
    const FOR_PEOPLE: [&str; 4] = ["$id", "title", "description", "examples"];
    match schema {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| names || !FOR_PEOPLE.contains(&key.as_str()))
            .map(|(key, inner)| (key.clone(), bare(inner, !names && matches!(key.as_str(), "properties" | "$defs"))))
            .collect(),
        Value::Array(items) => items.iter().map(|item| bare(item, false)).collect(),
        other => other.clone(),
    }
}

/// Whether who was made for one version may expect to get along with the other: with the same major version, or with
/// the same minor version before 1.0.
fn compatible(one: &str, other: &str) -> bool {
    let leading = |version: &str| {
        let mut parts = version.split('.').map(str::to_owned);
        let major = parts.next();
        let minor = parts.next().filter(|_| major.as_deref() == Some("0"));
        (major, minor)
    };
    leading(one) == leading(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents(path: &str, direction: Direction, subject: &str, field: &str) -> Documents {
        let schema = json!({ "type": "object", "additionalProperties": false, "required": [field],
            "properties": { field: { "type": "string", "description": "A text." } } });
        Documents::from([(path.into(), Document { direction, subject: Some(subject.into()), schema })])
    }

    fn broken(released: (&str, &Documents), today: (&str, &Documents)) -> usize {
        Release::of(released.0, released.1).broken_by(today.0, today.1).len()
    }

    #[test]
    fn what_goes_or_moves_or_changes_breaks() {
        let released = documents("commands/x.do", Direction::Input, "cinema.cmd.x.do", "title");
        for (today, breaks) in [
            (released.clone(), 0),
            (Documents::new(), 1),
            (documents("commands/x.do", Direction::Input, "cinema.cmd.x.done", "title"), 1),
            (documents("commands/x.do", Direction::Input, "cinema.cmd.x.do", "name"), 1),
        ] {
            assert_eq!(broken(("0.1.0", &released), ("0.1.9", &today)), breaks);
            assert_eq!(broken(("0.1.0", &released), ("0.2.0", &today)), 0);
        }
        let more: Documents =
            released.clone().into_iter().chain(documents("commands/x.undo", Direction::Input, "x", "id")).collect();
        assert_eq!(broken(("0.1.0", &released), ("0.1.0", &more)), 0);
    }

    #[test]
    fn no_version_of_the_workspace_breaks_an_event() {
        let released = documents("events/x.done.v1", Direction::Event, "cinema.evt.x.done", "title");
        let renamed = documents("events/x.done.v1", Direction::Event, "cinema.evt.x.done", "name");
        assert_eq!(broken(("0.1.0", &released), ("2.0.0", &renamed)), 2);
        let next: Documents = released
            .clone()
            .into_iter()
            .chain(documents("events/x.done.v2", Direction::Event, "cinema.evt.x.done", "name"))
            .collect();
        assert_eq!(broken(("0.1.0", &released), ("0.1.0", &next)), 0);
    }

    #[test]
    fn what_is_said_for_people_is_no_part_of_the_form() {
        let released = documents("events/x.done.v1", Direction::Event, "cinema.evt.x.done", "title");
        let form = Release::of("0.1.0", &released).text().unwrap();
        assert!(!form.contains("A text.") && form.contains("\"title\""), "{form}");
        let again: Release = serde_json::from_str(&form).unwrap();
        assert_eq!(again.text().unwrap(), form);
    }

    #[test]
    fn versions_are_compared_as_cargo_does() {
        for (one, other, same) in
            [("0.1.0", "0.1.7", true), ("0.1.0", "0.2.0", false), ("1.2.0", "1.9.1", true), ("1.0.0", "2.0.0", false)]
        {
            assert_eq!(compatible(one, other), same, "{one} {other}");
        }
    }
}
