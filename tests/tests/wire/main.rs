//! What travels fits the schemas that are checked in: a tap on the wire reads along while everything is done once.

mod everything;
mod schemas;

use std::collections::BTreeMap;
use std::fs;

use async_nats::service::NATS_SERVICE_ERROR_CODE;
use async_nats::{Message, Subscriber};
use contracts::audit::AUDIT;
use contracts::subjects::{BATCH, headers};
use futures_util::StreamExt;
use serde_json::Value;
use system_tests::{NatsUser, on_shared_cinema};

use everything::everything_once;
use schemas::{Schemas, common, root};

/// What tells the tap that all is said.
const END: &str = "the.end";

#[test]
fn everything_on_the_wire_fits_its_schema() {
    on_shared_cinema(async |cinema| {
        let broker = cinema.broker_as(NatsUser::Provisioner).await;
        let tap = broker.client.subscribe(">").await.unwrap();
        broker.client.flush().await.unwrap();
        everything_once(&broker).await;
        broker.client.publish(END, "".into()).await.unwrap();

        let mut listener = Listener { schemas: Schemas::load(), replies: BTreeMap::new(), commands: BTreeMap::new() };
        listener.check_all(tap).await;
        let mut unused = listener.schemas.unused();
        // The same commands went as batches, but for one.
        unused.retain(|address| !address.starts_with("cinema.cmd."));
        assert!(unused.is_empty(), "nothing of these was on the wire: {unused:#?}");
    });
}

/// What a reply must fit.
#[derive(Clone)]
enum Expected {
    /// This schema.
    Of(String),
    /// An outcome, its body the answer to its command.
    Outcome,
    /// An array of such outcomes.
    Outcomes,
}

struct Listener {
    schemas: Schemas,
    /// By the inbox on which it is awaited. Inboxes for outcomes are used again and again.
    replies: BTreeMap<String, Expected>,
    /// The schema of its answer by a command's id.
    commands: BTreeMap<String, String>,
}

impl Listener {
    /// Checks all requests and what is replied to them, and all events, up to the end.
    async fn check_all(&mut self, mut tap: Subscriber) {
        while let Some(message) = tap.next().await.filter(|message| message.subject.as_str() != END) {
            let subject = message.subject.to_string();
            if let Some(expected) = self.replies.get(&subject).cloned() {
                self.check_reply(&message, expected);
                continue;
            }
            match subject.split('.').collect::<Vec<_>>()[..] {
                ["cinema", "evt", ..] => self.check_event(&message),
                ["cinema", "live", _] => self.check_live(&message),
                ["cinema", "dlq", _] => self.schemas.check_headers("dead-letter", message.headers.as_ref()),
                ["cinema", "cmd", _, "nothing"] => continue,
                ["cinema", kind, service, name] => {
                    if let (Some(expected), Some(inbox)) =
                        (self.check_request(&message, kind, service, name), reply_to(&message, kind))
                    {
                        self.replies.insert(inbox, expected);
                    }
                }
                _ => continue,
            }
            self.schemas.check_subject(&subject);
        }
    }

    fn check_event(&mut self, message: &Message) {
        self.schemas.check_headers("event", message.headers.as_ref());
        let header = |name: &str| message.headers.as_ref().unwrap().get(name).unwrap().as_str();
        self.schemas.check(header("ce-dataschema"), &body(message));
        let (service, event_type) = (header("ce-source").trim_start_matches("/marquee/"), header("ce-type"));
        let golden = root().join(format!("golden/{service}.{event_type}.json"));
        if std::env::var_os("RECORD_GOLDEN").is_some() && !golden.exists() {
            fs::write(golden, &message.payload).unwrap();
        }
    }

    fn check_live(&mut self, message: &Message) {
        self.schemas.check_headers("live", message.headers.as_ref());
        let events = body(message);
        self.schemas.check(&common("live"), &events);
        for event in events.as_array().unwrap() {
            self.schemas.check(event["dataschema"].as_str().unwrap(), &event["data"]);
        }
    }

    /// Checks a request. Returns what its reply must fit.
    fn check_request(&mut self, message: &Message, kind: &str, service: &str, name: &str) -> Option<Expected> {
        let (body, found) = (body(message), message.headers.as_ref());
        let id = |kind: &str| format!("urn:marquee:schema:{service}:{kind}:{name}");
        match (kind, name) {
            ("cmd", BATCH) => {
                self.schemas.check_headers("batch", found);
                self.schemas.check(&common("batch"), &body);
                for command in body.as_array().unwrap() {
                    let of = |kind: &str| {
                        format!("urn:marquee:schema:{service}:{kind}:{}", command["type"].as_str().unwrap())
                    };
                    self.schemas.check(&of("command"), &command["data"]);
                    self.commands.insert(command["id"].as_str().unwrap().into(), of("answer"));
                }
                Some(Expected::Outcomes)
            }
            ("cmd", _) => {
                self.schemas.check_headers("command", found);
                self.schemas.check(&id("command"), &body);
                let given = found.and_then(|found| found.get(headers::MESSAGE_ID)).unwrap();
                self.commands.insert(given.to_string(), id("answer"));
                None
            }
            ("ask", _) => {
                self.schemas.check_headers("ask", found);
                self.schemas.check(&id("command"), &body);
                Some(Expected::Outcome)
            }
            ("qry", "operation") => {
                self.schemas.check(&common("operation"), &body);
                Some(Expected::Outcome)
            }
            ("qry", AUDIT) => {
                self.schemas.check(&common(AUDIT), &body);
                Some(Expected::Of(common("audit.reply")))
            }
            ("qry", _) => {
                self.schemas.check_headers("query", found);
                self.schemas.check(&id("query"), &body);
                Some(Expected::Of(id("reply")))
            }
            ("rpc", _) => {
                self.schemas.check(&id("rpc"), &body);
                Some(Expected::Of(id("rpc-reply")))
            }
            _ => panic!("nobody knows {}", message.subject),
        }
    }

    fn check_reply(&mut self, message: &Message, expected: Expected) {
        let reply = body(message);
        if message.headers.as_ref().is_some_and(|headers| headers.get(NATS_SERVICE_ERROR_CODE).is_some()) {
            self.schemas.check_headers("problem", message.headers.as_ref());
            // A refused command's outcome says so in its headers, too.
            if !matches!(expected, Expected::Outcome) || reply["status"] != "refused" {
                return self.check_problem(&reply);
            }
        }
        match expected {
            Expected::Of(id) => self.schemas.check(&id, &reply),
            Expected::Outcome => {
                self.schemas.check(&common("operation.reply"), &reply);
                self.check_outcome(&reply);
            }
            Expected::Outcomes => {
                self.schemas.check(&common("outcomes"), &reply);
                reply.as_array().unwrap().iter().for_each(|outcome| self.check_outcome(outcome));
            }
        }
    }

    fn check_outcome(&mut self, outcome: &Value) {
        self.schemas.check(&common("outcome"), outcome);
        if outcome["status"] == "refused" {
            return self.check_problem(&outcome["body"]);
        }
        let answer = self.commands[outcome["command_id"].as_str().unwrap()].clone();
        self.schemas.check(&answer, &outcome["body"]);
    }

    fn check_problem(&mut self, problem: &Value) {
        self.schemas.check(&common("problem"), problem);
        self.schemas.check(&common("problem-type"), &problem["type"]);
    }
}

/// Where the reply goes. To a durable command JetStream replies; the outcome goes elsewhere.
fn reply_to(message: &Message, kind: &str) -> Option<String> {
    match kind {
        "cmd" => message.headers.as_ref()?.get(headers::REPLY_TO).map(ToString::to_string),
        _ => message.reply.as_ref().map(ToString::to_string),
    }
}

fn body(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).unwrap_or_else(|error| panic!("{}: {error}", message.subject))
}
