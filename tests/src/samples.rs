//! What a test needs to have before it gets to its point, each made anew so that tests do not meet.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, Api, Cinema};

/// A user nobody else has.
pub fn user() -> Value {
    let id = Uuid::now_v7().simple().to_string();
    json!({ "username": "ada", "email": format!("{id}@example.com"), "full_name": "Ada Lovelace" })
}

/// A command in a batch, as a gateway writes it.
pub fn batched(id: Uuid, command: &str, data: &Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/tests", "type": command, "marqueeactor": "operator", "data": data })
}

/// A command to book a seat.
pub fn place(user: &str, showtime: &str, seat: &str) -> Value {
    json!({ "user_id": user, "showtime_id": showtime, "seats": [seat] })
}

/// A movie of two hours.
pub fn movie() -> Value {
    json!({ "title": "Metropolis", "director": "Fritz Lang", "rating": 8.2, "runtime_minutes": 120 })
}

/// A hall nobody else has: rows A to E of 10 seats, of which E is premium; behind C5 a gap, and D1 blocked.
pub fn hall() -> Value {
    let seats = |count: u16, category: &str| json!({ "kind": "seats", "count": count, "category": category });
    json!({ "name": format!("Hall {}", Uuid::now_v7().simple()), "layout": { "rows": [
        { "label": "A", "runs": [seats(10, "standard")] },
        { "label": "B", "runs": [seats(10, "standard")] },
        { "label": "C", "runs": [seats(5, "standard"), { "kind": "gap", "count": 2 }, seats(5, "standard")] },
        { "label": "D", "runs": [{ "kind": "blocked", "count": 1 }, seats(9, "standard")] },
        { "label": "E", "runs": [seats(10, "premium")] },
    ] } })
}

/// A showtime in [`hall`]: tomorrow at this time, standard 12.50, premium 16.50.
pub fn showtime(movie: &str, hall: &str) -> Value {
    let price = |amount: u32| json!({ "amount": amount, "currency": "EUR" });
    json!({
        "movie_id": movie, "hall_id": hall, "starts_at": in_days(1), "format": "2D", "language": "en",
        "prices": { "standard": price(1250), "premium": price(1650) },
    })
}

/// The same with another value of one field.
pub fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

/// The same without one field.
pub fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().expect("an object").remove(field).expect("a field");
    body
}

/// So many days from now, on a full five minutes.
pub fn in_days(days: i64) -> String {
    let start: DateTime<Utc> = Utc::now() + TimeDelta::days(days);
    start.duration_trunc(TimeDelta::minutes(5)).expect("a time").to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The password of [`Somebody`].
pub const PASSWORD: &str = "Zoopraxiscope-1879";

/// Somebody who has signed up and signed in.
pub struct Somebody {
    /// Their id.
    pub id: String,
    /// Their address.
    pub email: String,
    /// What they signed in with: its id and its tokens.
    pub session: Value,
    /// REST, for them.
    pub api: Api,
}

impl Somebody {
    /// Signs in once more; the session.
    pub async fn sign_in(&self, password: &str) -> Answer {
        let credentials = json!({ "email": self.email, "password": password });
        self.api.anonymous().post("/api/sessions", &credentials).await
    }

    /// REST for this session of theirs.
    pub fn with(&self, session: &Value) -> Api {
        self.api.with_token(session["access_token"].as_str().expect("an access token"))
    }

    /// REST of another gateway, for the session that they came with.
    pub fn with_gateway(&self, api: &Api) -> Api {
        api.with_token(self.session["access_token"].as_str().expect("an access token"))
    }
}

impl Cinema {
    /// A new customer, in a session of theirs.
    pub async fn customer(&self) -> Somebody {
        let (api, user) = (self.api.anonymous(), with(user(), "password", PASSWORD));
        let id = api.post("/api/users", &user).await.expect(201).id();
        let email = user["email"].as_str().expect("an address").to_owned();
        let mut somebody = Somebody { id, email, session: Value::Null, api };
        somebody.session = somebody.sign_in(PASSWORD).await.expect(201).body;
        somebody.api = somebody.with(&somebody.session);
        somebody
    }

    /// A new user's id.
    pub async fn user(&self) -> String {
        self.api.post("/api/users", &user()).await.expect(201).id()
    }

    /// A new movie's id.
    pub async fn movie(&self) -> String {
        self.api.post("/api/movies", &movie()).await.expect(201).id()
    }

    /// A new hall's id.
    pub async fn hall(&self) -> String {
        self.api.post("/api/halls", &hall()).await.expect(201).id()
    }

    /// The id of a new showtime of a new movie in a new hall.
    pub async fn showtime(&self) -> String {
        let (movie, hall) = tokio::join!(self.movie(), self.hall());
        self.api.post("/api/showtimes", &showtime(&movie, &hall)).await.expect(201).id()
    }

    /// A new showtime, and the path of its seat map, which is there for everybody.
    pub async fn seats(&self) -> (String, String) {
        let showtime = self.showtime().await;
        let path = format!("/api/showtimes/{showtime}/seats");
        // Whoever scheduled it finds it; once they have, so do others.
        self.api.get(&path).await.expect(200);
        (showtime, path)
    }

    /// Tries to book.
    pub async fn book(&self, user: &str, showtime: &str, seats: &[&str]) -> Answer {
        let booking = json!({ "user_id": user, "showtime_id": showtime, "seats": seats });
        self.api.post("/api/bookings", &booking).await
    }
}
