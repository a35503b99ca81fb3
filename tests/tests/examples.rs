//! "Try it out" in Swagger UI: after `marquee seed`, every operation of the document succeeds with its example, and what
//! it answers is what the document says.

use gateway::examples::{self, SEED_PASSWORD};
use serde_json::{Value, json};
use system_tests::{Api, Cinema};

/// The order in which the methods go, so that nothing is changed or removed before it was read.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

#[tokio::test]
async fn every_example_works_after_the_seed_and_is_answered_as_documented() {
    let cinema = Cinema::start().await;
    cinema.seed().await;
    let document = cinema.api.get("/api/openapi.json").await.expect(200).body;
    let paths = document["paths"].as_object().expect("paths");
    let (mut tried, mut skipped) = (0, 0);
    for method in METHODS {
        for (path, item) in paths {
            let Some(operation) = item.get(method) else { continue };
            if is_left_out(method, path, operation) {
                skipped += 1;
            } else {
                try_out(&cinema.api, &document, method, path, operation).await;
                tried += 1;
            }
        }
    }
    let known: usize = paths.values().map(|item| item.as_object().expect("methods").len()).sum();
    assert_eq!(tried + skipped, known, "no method was forgotten");
    assert!(skipped < 13 && tried > 25, "{tried} operations were tried, {skipped} were not");
}

/// The tutorial's paths have the same examples as ours, and one that writes works once. The seed makes no dead letter;
/// `dead_letters.rs` tries what is done with one.
fn is_left_out(method: &str, path: &str, operation: &Value) -> bool {
    method != "get" && operation["tags"][0] == "tutorial" || path.starts_with("/api/dead-letters/")
}

/// Sends what Swagger UI does when nobody changes anything, and compares the answer with the document.
async fn try_out(api: &Api, document: &Value, method: &str, path: &str, operation: &Value) {
    let (mut address, mut query, mut headers) = (path.to_owned(), Vec::new(), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolve(document, parameter);
        let name = parameter["name"].as_str().expect("a name");
        let Some(example) = parameter.get("example").or(parameter["schema"].get("example")) else {
            assert_ne!(parameter["required"], true, "{method} {path}: {name} needs an example");
            continue;
        };
        let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        match parameter["in"].as_str() {
            Some("path") => address = address.replace(&format!("{{{name}}}"), &example),
            Some("query") => query.push(format!("{name}={example}")),
            _ => headers.push((name, example)),
        }
    }
    let sign = if query.is_empty() { "" } else { "?" };
    let address = format!("{address}{sign}{}", query.join("&"));
    let method = method.to_uppercase();
    let mut request = api.request(method.parse().expect("a method"), &address);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(body) = operation.get("requestBody") {
        let mut example = body["content"]["application/json"]["example"].clone();
        assert!(example.is_object(), "{method} {path} has no example");
        if operation["operationId"] == "refresh_session" {
            // Nobody can have such a token before they have signed in: what the example stands for.
            example["refresh_token"] = sign_in(api).await["refresh_token"].take();
        }
        request = request.json(&example);
    }
    let answer = api.send(request).await;
    assert!((200..300).contains(&answer.status), "{method} {address}: {} {:#}", answer.status, answer.body);

    let documented = &operation["responses"][answer.status.to_string()];
    assert!(documented.is_object(), "{method} {path} does not speak of {}", answer.status);
    let documented = resolve(document, documented);
    // A last page has no next one to link to.
    for name in documented["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
        assert!(name == "Link" || answer.headers.contains_key(name), "{method} {path} has no {name}");
    }
    match documented.get("content") {
        None => assert_eq!(answer.body, Value::Null, "{method} {path}"),
        // What comes of it is tested where it is followed.
        Some(content) if content.get("application/json").is_none() => {
            assert!(content.get(answer.header("content-type")).is_some(), "{method} {path}");
        }
        Some(content) => {
            let schema =
                json!({ "allOf": [content["application/json"]["schema"]], "components": document["components"] });
            let validator = jsonschema::draft202012::new(&schema).expect("a schema");
            let wrong: Vec<String> = validator.iter_errors(&answer.body).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{method} {path}: {wrong:?} in {:#}", answer.body);
        }
    }
}

/// A session of a user of the seed.
async fn sign_in(api: &Api) -> Value {
    let email = api.get(&format!("/api/users/{}", examples::user(5))).await.expect(200).body["email"].take();
    api.post("/api/sessions", &json!({ "email": email, "password": SEED_PASSWORD })).await.expect(201).body
}

/// What a reference, if it is one, refers to.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect("a reference that leads somewhere"),
        None => value,
    }
}
