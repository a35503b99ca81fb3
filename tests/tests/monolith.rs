//! The monolith answers as Marquee does, so what is compared is the same.

use std::collections::HashMap;

use serde_json::{Value, json};
use system_tests::samples::{self, in_days, with};
use system_tests::{Answer, Api, Cinema, Monolith, eventually};

/// What was answered, step by step, in words that do not depend on ids and times.
struct Told {
    api: Api,
    ids: HashMap<String, String>,
    steps: Vec<(String, u16, Value)>,
}

impl Told {
    fn new(api: Api) -> Self {
        Self { api, ids: HashMap::new(), steps: Vec::new() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        let answer = self.api.get(path).await;
        self.note(&format!("GET {path}"), answer)
    }

    async fn post(&mut self, path: &str, body: &Value) -> Answer {
        let answer = self.api.post(path, body).await;
        self.note(&format!("POST {path}"), answer)
    }

    async fn put(&mut self, path: &str, body: &Value) -> Answer {
        let answer = self.api.put(path, body).await;
        self.note(&format!("PUT {path}"), answer)
    }

    async fn delete(&mut self, path: &str) -> Answer {
        let answer = self.api.delete(path).await;
        self.note(&format!("DELETE {path}"), answer)
    }

    /// The id of what is created.
    async fn create(&mut self, path: &str, body: &Value) -> String {
        let answer = self.post(path, body).await.expect(201);
        let id = answer.body["id"].as_str().expect("an id").to_owned();
        assert_eq!(answer.headers["location"], format!("{path}/{id}"));
        assert!(answer.headers.contains_key("etag"));
        id
    }

    fn note(&mut self, what: &str, answer: Answer) -> Answer {
        let mut body = answer.body.clone();
        self.smooth(&mut body);
        let mut what = Value::String(what.to_owned());
        self.smooth(&mut what);
        self.steps.push((what.to_string(), answer.status, body));
        answer
    }

    /// Ids become numbers in the order in which they come up, times are all alike.
    fn smooth(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_time = ["created_at", "updated_at"].contains(&name.as_str());
                    if is_time { *value = json!("a time") } else { self.smooth(value) }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.smooth(item)),
            Value::String(text) => {
                let words: Vec<String> =
                    text.split_inclusive(['/', ' ', '?', '=', '&']).map(|word| self.word(word)).collect();
                *text = words.concat();
            }
            _ => {}
        }
    }

    fn word(&mut self, word: &str) -> String {
        let bare = word.trim_end_matches(['/', ' ', '?', '=', '&', ',', ';']);
        if bare.len() != 36 || bare.matches('-').count() != 4 {
            return word.to_owned();
        }
        let next = format!("#{}", self.ids.len());
        let id = self.ids.entry(bare.to_owned()).or_insert(next);
        word.replace(bare, id)
    }
}

/// A cinema's day, with all that goes wrong in it.
async fn a_day(api: Api, hall: &Value, user: &Value) -> Vec<(String, u16, Value)> {
    let mut told = Told::new(api);
    let movie = told.create("/api/movies", &samples::movie()).await;
    told.post("/api/movies", &with(samples::movie(), "rating", 11)).await.expect(422);
    told.put(&format!("/api/movies/{movie}"), &with(samples::movie(), "title", "M")).await.expect(200);
    told.get(&format!("/api/movies/{movie}")).await.expect(200);
    told.get("/api/movies?title=m").await.expect(200);
    told.get("/api/movies/1").await.expect(422);
    let hall_id = told.create("/api/halls", hall).await;
    told.post("/api/halls", hall).await.expect(409);
    let wanted = samples::showtime(&movie, &hall_id);
    let showtime = told.create("/api/showtimes", &wanted).await;
    told.post("/api/showtimes", &wanted).await.expect(409);
    told.post("/api/showtimes", &with(wanted.clone(), "starts_at", "2020-01-01T00:00:00Z")).await.expect(422);
    told.put(&format!("/api/showtimes/{showtime}"), &with(wanted.clone(), "format", "3D")).await.expect(200);
    let later = told.create("/api/showtimes", &with(wanted.clone(), "starts_at", in_days(2))).await;
    told.get(&format!("/api/movies/{movie}/showtimes")).await.expect(200);
    told.get(&format!("/api/showtimes?hall_id={hall_id}")).await.expect(200);
    told.delete(&format!("/api/movies/{movie}")).await.expect(409);

    let user_id = told.create("/api/users", user).await;
    told.post("/api/users", user).await.expect(409);
    told.put(&format!("/api/users/{user_id}"), &with(user.clone(), "username", "countess")).await.expect(200);
    let booking = |seats: &[&str]| json!({ "user_id": user_id, "showtime_id": showtime, "seats": seats });
    let first = told.create("/api/bookings", &booking(&["A3", "A4", "E1"])).await;
    told.post("/api/bookings", &booking(&["A4", "D1", "Z9", "B1"])).await.expect(409);
    told.post("/api/bookings", &booking(&["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8"])).await.expect(409);
    told.post("/api/bookings", &with(booking(&["A1"]), "user_id", movie.clone())).await.expect(422);
    told.post("/api/bookings", &with(booking(&["A1"]), "showtime_id", movie.clone())).await.expect(422);
    told.put(&format!("/api/bookings/{first}"), &json!({ "seats": ["A4", "A5"] })).await.expect(200);
    let second = told.create("/api/bookings", &booking(&["A3"])).await;
    told.delete(&format!("/api/bookings/{second}")).await.expect(204);
    told.delete(&format!("/api/bookings/{second}")).await.expect(409);
    told.post(&format!("/api/bookings/{first}/check-in"), &Value::Null).await.expect(200);
    told.put(&format!("/api/bookings/{first}"), &json!({ "seats": ["A1"] })).await.expect(409);
    told.get(&format!("/api/bookings/{first}")).await.expect(200);
    told.get(&format!("/api/users/{user_id}/bookings?status=cancelled")).await.expect(200);
    told.get(&format!("/api/showtimes/{showtime}/seats")).await.expect(200);

    let at_later = with(booking(&["B1"]), "showtime_id", later.clone());
    let third = told.create("/api/bookings", &at_later).await;
    told.delete(&format!("/api/showtimes/{later}")).await.expect(204);
    cancelled(&told.api, &third).await;
    told.get(&format!("/api/bookings/{third}")).await.expect(200);
    told.get(&format!("/api/showtimes/{later}/seats")).await.expect(200);
    told.delete(&format!("/api/users/{user_id}")).await.expect(204);
    cancelled(&told.api, &first).await;
    told.get(&format!("/api/bookings/{first}")).await.expect(200);
    told.get(&format!("/api/users/{user_id}")).await.expect(404);
    told.get("/api/bookings/00000000-0000-7000-8000-000000000000").await.expect(404);
    told.api = told.api.anonymous();
    told.post("/api/bookings", &booking(&["A1"])).await.expect(401);
    told.post("/api/movies", &samples::movie()).await.expect(401);
    told.get("/api/nothing").await.expect(404);
    told.steps
}

/// Waits until a booking is, which with Marquee follows from an event, and is no longer shown with a user's names when
/// they are erased.
async fn cancelled(api: &Api, booking: &str) {
    eventually("a cancelled booking", async || {
        let answer = api.get(&format!("/api/bookings/{booking}")).await.expect(200);
        (answer.body["status"] == "cancelled").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_monolith_answers_as_marquee_does() {
    let (cinema, monolith) = tokio::join!(Cinema::start(), Monolith::start());
    let (hall, user) = (samples::hall(), samples::user());
    let (ours, theirs) =
        tokio::join!(a_day(cinema.api.clone(), &hall, &user), a_day(monolith.api.clone(), &hall, &user));
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}
