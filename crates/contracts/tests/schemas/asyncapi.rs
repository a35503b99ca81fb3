//! `asyncapi.json`: all channels, operations, headers and messages in the words of AsyncAPI 3.0, for generators and
//! browsers of such documents. Schemas stay in files of their own and are referred to.

use contracts::Service;
use contracts::catalogue::{Catalogue, common_queries};
use contracts::message::MessageSpec;
use contracts::subjects::{BATCH, DEAD_LETTERS_STREAM, headers};
use serde_json::{Map, Value, json};

use crate::documents::{Documents, event_subject};

/// What our schemas are written in.
const SCHEMA_FORMAT: &str = "application/schema+json;version=2020-12";
/// The channel of all replies.
const INBOX: &str = "inbox";
const INBOX_DESCRIPTION: &str =
    "The subject that a request names for its reply. Each NATS user has inboxes of its own, `_INBOX_<user>.…`.";
const DESCRIPTION: &str = "Cinema seats: what can be asked of Marquee on NATS, and what it tells. The operations are Marquee's: \
    it receives commands and queries and sends events. REST is described in openapi.json.";
const SERVER_DESCRIPTION: &str = "NATS with JetStream; `script/up` says where. What each user may publish and subscribe to \
    is in nats.conf.";

/// The document.
pub(crate) fn document(documents: &Documents) -> Value {
    let mut api = Api { documents, channels: Map::new(), operations: Map::new(), messages: Map::new() };
    api.channel(INBOX, Value::Null, INBOX_DESCRIPTION);
    for service in Service::ALL {
        api.commands(service);
        api.events(service);
        api.questions(service);
        api.dead_letters(service);
    }
    let Api { channels, operations, messages, .. } = api;
    let password = json!({ "type": "userPassword", "description": "A user of nats.conf and its password." });
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Marquee",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": { "nats": {
            "host": "127.0.0.1:4222",
            "protocol": "nats",
            "description": SERVER_DESCRIPTION,
            "security": [{ "$ref": "#/components/securitySchemes/password" }],
        } },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "securitySchemes": { "password": password } },
    })
}

struct Api<'a> {
    documents: &'a Documents,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
}

/// What there is.
impl Api<'_> {
    fn commands(&mut self, service: Service) {
        let (problem, trouble) = (self.problem(), self.trouble());
        let outcomes = self.message("outcomes", "What became of commands", "common/outcomes", None);
        for spec in Catalogue::of(service).commands {
            let (key, path) = (format!("{service}.{}", spec.name), format!("commands/{service}.{}", spec.name));
            let durable = self.message(&format!("command.{key}"), spec.description, &path, Some("command-headers"));
            let asked = self.message(&format!("ask.{key}"), spec.description, &path, Some("ask-headers"));
            let outcome = self.outcome(&key, &path);
            let description =
                format!("{} Durable: it is decided once JetStream has acknowledged it.", spec.description);
            self.receive(&format!("cmd.{key}"), service.command(spec.name), &description, &durable);
            self.reply(&format!("cmd.{key}"), &[&outcomes], Some(headers::REPLY_TO));
            let description = format!("{} Answered with its outcome.", spec.description);
            self.receive(&format!("ask.{key}"), service.ask(spec.name), &description, &asked);
            self.reply(&format!("ask.{key}"), &[&outcome, &problem, &trouble], None);
        }
        let batch = self.message("batch", "Several commands in one message", "common/batch", Some("batch-headers"));
        let key = format!("cmd.{service}.{BATCH}");
        let description = "Several durable commands as a CloudEvents JSON batch, from the gateway and the services.";
        self.receive(&key, service.command(BATCH), description, &batch);
        self.reply(&key, &[&outcomes], Some(headers::REPLY_TO));
    }

    fn events(&mut self, service: Service) {
        for spec in Catalogue::of(service).events {
            let path = format!("events/{service}.{}", spec.name);
            let message =
                self.message(&format!("event.{service}.{}", spec.name), spec.description, &path, Some("event-headers"));
            // The versions of one event share its channel.
            let key = format!("evt.{service}.{}", spec.name.split('.').next().unwrap_or_default());
            let description = format!("{} Kept in the stream {}.", spec.description, service.events_stream());
            self.exchange(&key, "send", event_subject(service, &spec), &description, &message);
            let parameter = json!({ "description": "The id of the thing that it happened to." });
            if let Some(channel) = self.channels.get_mut(&key) {
                channel["parameters"] = json!({ spec.about.unwrap_or_default(): parameter });
            }
        }
        let live = self.message("live", "Several events in one message", "common/live", Some("live-headers"));
        let description = "The newest events as a CloudEvents JSON batch, for gateways. It is kept nowhere.";
        self.exchange(&format!("live.{service}"), "send", service.live(), description, &live);
    }

    fn questions(&mut self, service: Service) {
        let Catalogue { queries, methods, .. } = Catalogue::of(service);
        for spec in queries {
            let path = format!("queries/{service}.{}", spec.name);
            self.question(&format!("qry.{service}.{}", spec.name), service.query(spec.name), &path, &spec);
        }
        for spec in methods {
            let path = format!("rpc/{service}.{}", spec.name);
            self.question(&format!("rpc.{service}.{}", spec.name), service.rpc(spec.name), &path, &spec);
        }
        for spec in common_queries() {
            let path = format!("common/{}", spec.name);
            self.question(&format!("qry.{service}.{}", spec.name), service.query(spec.name), &path, &spec);
        }
    }

    fn question(&mut self, key: &str, address: String, path: &str, spec: &MessageSpec) {
        let (problem, trouble) = (self.problem(), self.trouble());
        let headers = Some("query-headers").filter(|_| path.starts_with("queries/"));
        let request = self.message(key, spec.description, path, headers);
        let reply = self.message(&format!("{key}.reply"), spec.description, &format!("{path}.reply"), None);
        self.receive(key, address, spec.description, &request);
        self.reply(key, &[&reply, &problem, &trouble], None);
    }

    fn dead_letters(&mut self, service: Service) {
        let title = "A command that could not be read or carried out, as it came";
        // It may be anything, JSON or not.
        let message = self.named("dead-letter", title, json!({}), Some("dead-letter-headers"), None);
        let description = format!("Kept in the stream {DEAD_LETTERS_STREAM}.");
        self.exchange(&format!("dlq.{service}"), "send", service.dead_letters(), &description, &message);
    }
}

/// How it is written.
impl Api<'_> {
    /// A problem as a reply.
    fn problem(&mut self) -> String {
        self.message("problem", "Why there is no answer", "common/problem", Some("problem-headers"))
    }

    /// A reply of headers only.
    fn trouble(&mut self) -> String {
        let mut message =
            json!({ "name": "trouble", "title": "A fault, or a service or store is away: the headers tell" });
        message["headers"] = schema("common/problem-headers");
        self.messages.insert("trouble".into(), message);
        "trouble".into()
    }

    /// An outcome whose body is this command's answer or a problem.
    fn outcome(&mut self, key: &str, path: &str) -> String {
        let body = |path: &str| json!({ "properties": { "body": { "$ref": format!("{path}.json") } } });
        let schema = json!({
            "allOf": [{ "$ref": "common/outcome.json" }],
            "if": { "properties": { "status": { "const": "accepted" } } },
            "then": body(&format!("{path}.reply")),
            "else": body("common/problem"),
        });
        let mut example = self.example("common/outcome");
        example["body"] = self.example(&format!("{path}.reply"));
        self.named(&format!("outcome.{key}"), "What became of the command", schema, None, Some(example))
    }

    /// A message of the schema at this path.
    fn message(&mut self, key: &str, title: &str, path: &str, headers: Option<&str>) -> String {
        let example = self.example(path);
        self.named(key, title, json!({ "$ref": format!("{path}.json") }), headers, Some(example))
    }

    fn named(
        &mut self,
        key: &str,
        title: &str,
        payload: Value,
        headers: Option<&str>,
        example: Option<Value>,
    ) -> String {
        let mut message = json!({
            "name": key,
            "title": title.trim_end_matches('.'),
            "payload": { "schemaFormat": SCHEMA_FORMAT, "schema": payload },
        });
        if let Some(example) = example {
            message["examples"] = json!([{ "payload": example }]);
        }
        if let Some(name) = headers {
            message["headers"] = schema(&format!("common/{name}"));
        }
        self.messages.insert(key.to_owned(), message);
        key.to_owned()
    }

    fn example(&self, path: &str) -> Value {
        let found = self.documents.get(path).and_then(|document| document.schema.pointer("/examples/0"));
        found.cloned().unwrap_or_default()
    }

    fn receive(&mut self, key: &str, address: String, description: &str, message: &str) {
        self.exchange(key, "receive", address, description, message);
    }

    /// A channel, the one message on it and what Marquee does with it.
    fn exchange(&mut self, key: &str, action: &str, address: String, description: &str, message: &str) {
        self.channel(key, address.into(), description);
        self.on_channel(key, message);
        let operation =
            json!({ "action": action, "channel": { "$ref": format!("#/channels/{key}") }, "summary": description });
        self.operations.insert(key.to_owned(), operation);
    }

    /// What is replied to an operation; `header` of the request says where, if not NATS itself.
    fn reply(&mut self, key: &str, messages: &[&str], header: Option<&str>) {
        let references: Vec<Value> = messages.iter().map(|message| self.on_channel(INBOX, message)).collect();
        if let Some(operation) = self.operations.get_mut(key) {
            operation["reply"] =
                json!({ "channel": { "$ref": format!("#/channels/{INBOX}") }, "messages": references });
            if let Some(header) = header {
                operation["reply"]["address"] = json!({ "location": format!("$message.header#/{header}") });
            }
        }
    }

    fn channel(&mut self, key: &str, address: Value, description: &str) {
        let channel = json!({ "address": address, "description": description, "messages": {} });
        self.channels.entry(key).or_insert(channel);
    }

    /// Puts a message on a channel; the reference to it there.
    fn on_channel(&mut self, channel: &str, message: &str) -> Value {
        if let Some(messages) = self.channels.get_mut(channel).and_then(|found| found["messages"].as_object_mut()) {
            messages.insert(message.to_owned(), json!({ "$ref": format!("#/components/messages/{message}") }));
        }
        json!({ "$ref": format!("#/channels/{channel}/messages/{message}") })
    }
}

/// The schema at this path.
fn schema(path: &str) -> Value {
    json!({ "schemaFormat": SCHEMA_FORMAT, "schema": { "$ref": format!("{path}.json") } })
}
