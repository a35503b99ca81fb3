//! What travels fits the schemas that are checked in: a tap on the wire reads along while everything is done once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use async_nats::service::NATS_SERVICE_ERROR_CODE;
use async_nats::{HeaderMap, Message, Subscriber};
use contracts::subjects::BATCH;
use contracts::{OutcomeStatus, Service};
use futures_util::StreamExt;
use jsonschema::Validator;
use serde_json::{Value, json};
use system_tests::{Broker, NatsUser, on_shared_cinema, samples};
use uuid::Uuid;

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

        let mut schemas = Schemas::load();
        schemas.check_all(tap).await;
        for service in Service::ALL {
            for event in broker.events(service, broker.last_sequence(service).await).await {
                schemas.check(&event.attributes["dataschema"], &event.data);
            }
        }
        let unused: Vec<&String> = schemas.validators.keys().filter(|id| !schemas.used.contains(*id)).collect();
        assert!(unused.is_empty(), "nothing of these was on the wire: {unused:#?}");
    });
}

/// Every command, event, query and question, and a problem.
async fn everything_once(broker: &Broker) {
    let accepted = async |service, command, payload| broker.accepted(service, command, payload).await;
    let with_id = |mut details: Value, id: &Value| {
        details["id"] = id.clone();
        details
    };
    let user = accepted(Service::Users, "register", samples::user()).await["id"].clone();
    accepted(Service::Users, "update", with_id(samples::user(), &user)).await;
    let movie = accepted(Service::Movies, "add", samples::movie()).await["id"].clone();
    accepted(Service::Movies, "update", with_id(samples::movie(), &movie)).await;
    let hall = accepted(Service::Movies, "add-hall", samples::hall()).await["id"].clone();
    accepted(Service::Movies, "update-hall", with_id(samples::hall(), &hall)).await;
    let details = samples::showtime(movie.as_str().unwrap(), hall.as_str().unwrap());
    let showtime = accepted(Service::Movies, "schedule", details.clone()).await["id"].clone();
    accepted(Service::Movies, "reschedule", with_id(details, &showtime)).await;
    let seats = |names: &[&str]| json!({ "user_id": user, "showtime_id": showtime, "seats": names });
    let booking = accepted(Service::Bookings, "place", seats(&["A1", "E1"])).await["id"].clone();
    accepted(Service::Bookings, "change-seats", json!({ "id": booking, "seats": ["A2"] })).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let batch = [(first, "B1"), (second, "D1")].map(|(id, seat)| {
        json!({ "specversion": "1.0", "id": id, "source": "/tests", "type": "place", "marqueeactor": "operator",
            "data": seats(&[seat]) })
    });
    broker.publish(Service::Bookings, BATCH, json!(batch).to_string(), HeaderMap::new()).await;
    assert_eq!(broker.outcome(Service::Bookings, first).await.status, OutcomeStatus::Accepted);
    assert_eq!(broker.outcome(Service::Bookings, second).await.status, OutcomeStatus::Refused);

    for (service, query, payload) in [
        (Service::Users, "user", json!({ "id": user })),
        (Service::Users, "users", json!({ "limit": 1 })),
        (Service::Users, "names", json!({ "users": [user] })),
        (Service::Movies, "movie", json!({ "id": movie })),
        (Service::Movies, "movies", json!({ "title": "Metropolis" })),
        (Service::Movies, "hall", json!({ "id": hall })),
        (Service::Movies, "halls", json!({})),
        (Service::Movies, "showtime", json!({ "id": showtime })),
        (Service::Movies, "showtimes", json!({ "movie_id": movie })),
        (Service::Bookings, "booking", json!({ "id": booking })),
        (Service::Bookings, "bookings", json!({ "user_id": user })),
        (Service::Bookings, "seats", json!({ "showtime_id": showtime })),
    ] {
        broker.query(service, query, payload).await;
    }

    accepted(Service::Bookings, "cancel", json!({ "id": booking })).await;
    accepted(Service::Movies, "cancel", json!({ "id": showtime })).await;
    accepted(Service::Bookings, "cancel-showtime", json!({ "showtime_id": showtime })).await;
    accepted(Service::Movies, "remove", json!({ "id": movie })).await;
    accepted(Service::Movies, "remove-hall", json!({ "id": hall })).await;
    accepted(Service::Users, "delete", json!({ "id": user })).await;
    accepted(Service::Bookings, "cancel-user", json!({ "user_id": user })).await;
    broker.request(&Service::Bookings.query("booking"), json!({ "id": user }).to_string().as_bytes()).await;
    broker.request(&Service::Bookings.query("operation"), json!({ "command_id": user }).to_string().as_bytes()).await;
}

/// The schemas by their ids, and which of them something was checked against.
struct Schemas {
    validators: BTreeMap<String, Validator>,
    used: BTreeSet<String>,
}

impl Schemas {
    fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        let files = |folder: &str| fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let all = ["commands", "events", "queries", "rpc", "common"].into_iter().flat_map(files);
        Self { validators: all.map(read).collect(), used: BTreeSet::new() }
    }

    /// Checks all requests and what is replied to them, up to the end.
    async fn check_all(&mut self, mut tap: Subscriber) {
        let mut replies: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(message) = tap.next().await.filter(|message| message.subject.as_str() != END) {
            let subject = message.subject.to_string();
            if let Some(ids) = replies.remove(&subject) {
                self.check_reply(&message, &ids);
            } else if let ["cinema", kind, service, name] = subject.split('.').collect::<Vec<_>>()[..] {
                let expected = self.check_request(kind, service, name, &body(&message));
                if let (Some(inbox), Some(expected)) = (message.reply, expected) {
                    replies.insert(inbox.to_string(), expected);
                }
            }
        }
    }

    /// Checks a request. Returns the schemas of its reply, and of the body of the outcome if the reply is one.
    fn check_request(&mut self, kind: &str, service: &str, name: &str, body: &Value) -> Option<Vec<String>> {
        let id = |kind: &str| format!("urn:marquee:schema:{service}:{kind}:{name}");
        let common = |name: &str| format!("urn:marquee:schema:{name}");
        match (kind, name) {
            ("cmd", BATCH) => {
                self.check(&common("batch"), body);
                for command in body.as_array().unwrap() {
                    let name = command["type"].as_str().unwrap();
                    self.check(&format!("urn:marquee:schema:{service}:command:{name}"), &command["data"]);
                }
                None
            }
            ("cmd", _) => {
                self.check(&id("command"), body);
                None
            }
            ("ask", _) => {
                self.check(&id("command"), body);
                Some(vec![common("outcome"), id("answer")])
            }
            ("qry", "operation") => {
                self.check(&common("operation"), body);
                Some(vec![common("outcome")])
            }
            ("qry", _) => {
                self.check(&id("query"), body);
                Some(vec![id("reply")])
            }
            ("rpc", _) => {
                self.check(&id("rpc"), body);
                Some(vec![id("rpc-reply")])
            }
            _ => None,
        }
    }

    fn check_reply(&mut self, message: &Message, ids: &[String]) {
        let reply = body(message);
        let is_error = message.headers.as_ref().is_some_and(|headers| headers.get(NATS_SERVICE_ERROR_CODE).is_some());
        // A refused command's outcome says so in its headers, too.
        let is_problem = is_error && reply["status"] != "refused";
        match ids {
            _ if is_problem => self.check("urn:marquee:schema:problem", &reply),
            [outcome, answer] => {
                self.check(outcome, &reply);
                let refused = reply["status"] == "refused";
                self.check(if refused { "urn:marquee:schema:problem" } else { answer }, &reply["body"]);
            }
            ids => ids.iter().for_each(|id| self.check(id, &reply)),
        }
    }

    #[track_caller]
    fn check(&mut self, id: &str, message: &Value) {
        let validator = self.validators.get(id).unwrap_or_else(|| panic!("there is no schema {id}"));
        let errors: Vec<String> =
            validator.iter_errors(message).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{id}: {errors:#?}\n{message:#}");
        self.used.insert(id.to_owned());
    }
}

fn read(path: PathBuf) -> (String, Validator) {
    let schema: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let options = jsonschema::options().should_validate_formats(true);
    (schema["$id"].as_str().unwrap().to_owned(), options.build(&schema).unwrap())
}

fn body(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).unwrap_or_else(|error| panic!("{}: {error}", message.subject))
}
