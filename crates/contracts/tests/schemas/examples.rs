//! An example of each message, made from its schema: what a field is called says what it looks like.

use serde_json::{Map, Value, json};

/// A message that fits this schema.
pub(crate) fn example(schema: &Value) -> Value {
    Sample { root: schema }.of(schema, text(schema, "title"), "")
}

struct Sample<'a> {
    root: &'a Value,
}

impl Sample<'_> {
    /// Of the schema of `property` in a type called `title`.
    fn of(&self, schema: &Value, title: &str, property: &str) -> Value {
        if let Some(known) = known(title, property) {
            return known;
        }
        if let Some(name) = text(schema, "$ref").strip_prefix("#/$defs/") {
            return self.of(&self.root["$defs"][name], name, property);
        }
        if let Some(found) = schema.get("const").or_else(|| schema.pointer("/examples/0")).or(schema.pointer("/enum/0"))
        {
            return found.clone();
        }
        if let Some(first) = variants(schema).first() {
            return self.of(first, title, property);
        }
        match kind(schema) {
            "object" => self.object(schema, title),
            "array" => self.array(&schema["items"], title, property),
            "integer" | "number" => {
                schema.get("minimum").filter(|least| **least != json!(0)).cloned().unwrap_or(json!(1))
            }
            "boolean" => json!(true),
            "string" => string(schema, title, property).into(),
            _ => json!({}),
        }
    }

    fn object(&self, schema: &Value, title: &str) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        // Beside the fields that a tagged variant adds.
        let fields = properties.into_iter().flatten().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
        Value::Object(fields.map(|(name, field)| (name.clone(), self.of(field, title, name))).collect::<Map<_, _>>())
    }

    /// One item, or one of each kind that there is.
    fn array(&self, items: &Value, title: &str, property: &str) -> Value {
        let target = match text(items, "$ref").strip_prefix("#/$defs/") {
            Some(name) => &self.root["$defs"][name],
            None => items,
        };
        let kinds = variants(target);
        if kinds.iter().any(|kind| kind.get("properties").is_some()) {
            return kinds.iter().map(|kind| self.of(kind, title, property)).collect();
        }
        json!([self.of(items, title, property)])
    }
}

/// What is there for the next page only.
const LEFT_OUT: [&str; 1] = ["cursor"];

const USER: &str = "019ab2f4-1c00-7112-9b6c-09672cb7063f";
const MOVIE: &str = "019ab2f4-1c01-7d60-8a0f-3f2b9a0c5e11";
const HALL: &str = "019ab2f4-1c02-7b1e-93c4-61d5a27f8e22";
const SHOWTIME: &str = "019ab2f4-1c03-7f92-bb57-7e81c6d09a33";
const BOOKING: &str = "019ab2f4-1c04-7a35-8d19-c4f3e8b21b44";
const SESSION: &str = "019ab2f4-1c05-76c8-a2e0-15b9d7f46c55";
const API_KEY: &str = "019ab2f4-1c06-7e07-9f83-8a6c3e1d0d66";
const COMMAND: &str = "019ab2f4-1c07-72d4-8c5b-f07e9b3a5e77";

/// What stands for this field of this type, where its schema says too little.
fn known(title: &str, property: &str) -> Option<Value> {
    Some(match (title, property) {
        ("AddHall" | "UpdateHall" | "Hall" | "HallRef" | "HallDetails", "name") => json!("Grand Hall"),
        ("AddApiKey" | "ApiKey", "name") => json!("Box office"),
        ("BatchedCommand", "type") => json!("cancel"),
        ("BatchedCommand", "data") => json!({ "id": BOOKING }),
        ("LiveEvent", "type") => json!("booking-cancelled.v1"),
        ("LiveEvent", "subject") => json!(BOOKING),
        ("LiveEvent", "dataschema") => json!("urn:marquee:schema:bookings:event:booking-cancelled.v1"),
        ("LiveEvent", "data") => json!({ "booking_id": BOOKING, "showtime_id": SHOWTIME, "reason": "requested" }),
        ("Outcome", "body") => json!({ "id": MOVIE, "version": 2 }),
        ("Page_of_Movie" | "Page_of_Hall" | "Page_of_Showtime", "cursor") => Value::Null,
        (_, "username") => json!("ada"),
        (_, "email") => json!("ada@example.com"),
        (_, "full_name") => json!("Ada Lovelace"),
        (_, "title") => json!("Blade Runner"),
        (_, "director") => json!("Ridley Scott"),
        (_, "synopsis") => json!("A blade runner must hunt four replicants."),
        (_, "genres") => json!(["Science fiction"]),
        (_, "release_date") => json!("1982-06-25"),
        (_, "certificate") => json!("16"),
        (_, "poster_url") => json!("https://example.com/poster.jpg"),
        (_, "format") => json!("2D"),
        (_, "language") => json!("en"),
        (_, "amount") => json!(1250),
        (_, "currency") => json!("EUR"),
        (_, "prices") => json!({ "standard": { "amount": 1250, "currency": "EUR" } }),
        (_, "sold") => json!({ "C7": "standard" }),
        (_, "blocked") => json!(["C9"]),
        (_, "limit") => json!(50),
        (_, "free") => json!(118),
        (_, "capacity") => json!(120),
        (_, "label") => json!("C"),
        (_, "password_hash") => json!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"),
        (_, "secret_hash") => json!("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        (_, "marqueeactor" | "actor") => json!(format!("user:{USER}:customer")),
        (_, "source" | "ce-source") => json!("/marquee/bookings"),
        (_, "specversion") => json!("1.0"),
        (_, "ce-type" | "event_type") => json!("booking-placed.v1"),
        (_, "ce-subject") => json!(BOOKING),
        (_, "ce-dataschema") => json!("urn:marquee:schema:bookings:event:booking-placed.v1"),
        (_, "ce-partitionkey") => json!(SHOWTIME),
        (_, "ce-streamversion" | "Marquee-If-Version") => json!("1"),
        (_, "ce-causationid" | "Nats-Msg-Id" | "command_id") => json!(COMMAND),
        (_, "Nats-Expected-Stream") => json!("BOOKINGS_EVENTS"),
        (_, "Nats-Expected-Last-Sequence") => json!("41"),
        (_, "Marquee-Reply-To") => json!("_INBOX_gateway.n8SfJUmFhMUXCUZzE0lYVv"),
        (_, "Marquee-Min-Position") => json!("bookings=12,movies=7"),
        (_, "Marquee-Position") => json!("bookings=12"),
        (_, "Marquee-Subject") => json!("cinema.cmd.bookings.place"),
        (_, "Marquee-Reason") => json!("The input is not valid: the body does not fit: missing field `user_id`"),
        (_, "Nats-Service-Error") => json!("Not found"),
        (_, "Nats-Service-Error-Code") => json!("404"),
        _ => return None,
    })
}

fn string(schema: &Value, title: &str, property: &str) -> String {
    match text(schema, "format") {
        "uuid" => id(title, property).into(),
        "date" => "2030-01-31".into(),
        "date-time" => time(property).into(),
        _ => format!("{property} of {title}"),
    }
}

fn time(property: &str) -> &'static str {
    match property {
        "starts_at" => "2030-01-31T20:00:00Z",
        "ends_at" => "2030-01-31T21:57:00Z",
        _ => "2030-01-15T09:30:00Z",
    }
}

/// The id of what the field, or else the type, is about.
fn id(title: &str, property: &str) -> &'static str {
    let about = |word: &str| property.contains(word) || (property == "id" && title.to_lowercase().contains(word));
    for (words, id) in [
        (&["session"][..], SESSION),
        (&["key"], API_KEY),
        (&["booking", "seats", "checkin"], BOOKING),
        (&["showtime"], SHOWTIME),
        (&["hall"], HALL),
        (&["user", "may_book", "roles", "password", "credentials"], USER),
        (&["movie", "removed"], MOVIE),
    ] {
        if words.iter().any(|word| about(word)) {
            return id;
        }
    }
    COMMAND
}

/// The first type that is not null.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
        _ => "",
    }
}

fn variants(schema: &Value) -> &[Value] {
    let found = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}
