//! What a system is filled with before it is measured, through its REST: both get the same. Showtimes, whose seats are sold
//! by the workloads, are made as they are needed.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::showtimes::Showtime;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::system::System;

/// Rows of a hall and seats of a row: 400 seats.
const ROWS: usize = 20;
const WIDTH: usize = 20;
pub(super) const SEATS: usize = ROWS * WIDTH;
/// Halls, so that many showtimes can be side by side.
const HALLS: usize = 32;
/// Users: more than a showtime has seats, so nobody ever has too many.
pub(super) const USERS: usize = 500;
/// How many showtimes are sold at the same time: neighbouring requests are for different ones.
pub(super) const SIDE_BY_SIDE: usize = 128;
/// From start to start in a hall.
const APART: TimeDelta = TimeDelta::hours(2);
/// How many requests are under way at once while the stock is filled.
const AT_ONCE: usize = 16;
/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stock of one system.
pub(super) struct Stock {
    client: Client,
    base: String,
    token: String,
    movie: String,
    halls: Vec<String>,
    pub(super) users: Vec<String>,
    /// How many showtimes there are: the next ones start after them.
    showtimes: usize,
    first_day: DateTime<Utc>,
    /// Bodies that book one fresh seat each, in the order in which they are sent.
    fresh: Vec<String>,
}

impl Stock {
    /// Makes a movie, halls and users.
    ///
    /// # Errors
    /// When the system does not take them.
    pub(super) async fn fill(system: &System) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let first_day =
            (Utc::now() + TimeDelta::days(30)).date_naive().and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
        let mut stock = Self {
            client,
            base: format!("http://{}", system.address),
            token: system.token.clone(),
            movie: String::new(),
            halls: Vec::new(),
            users: Vec::new(),
            showtimes: 0,
            first_day,
            fresh: Vec::new(),
        };
        let movie = json!({ "title": "The Passenger", "director": "Michelangelo Antonioni", "rating": 7.5, "runtime_minutes": 90 });
        stock.movie = stock.create("movies", movie).await?;
        stock.halls = stock.create_all("halls", (0..HALLS).map(hall).collect()).await?;
        stock.users = stock.create_all("users", (0..USERS).map(user).collect()).await?;
        Ok(stock)
    }

    /// Bodies that book a fresh seat each, at least this many.
    ///
    /// # Errors
    /// When the system does not take the showtimes.
    pub(super) async fn fresh(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        while self.fresh.len() < count {
            let showtimes = self.make_showtimes(SIDE_BY_SIDE.min(count.div_ceil(SEATS))).await?;
            for place in 0..SEATS {
                let of_this_place = showtimes.iter().enumerate().map(|(number, showtime)| {
                    let user = self.user(place + number);
                    json!({ "user_id": user, "showtime_id": showtime, "seats": [seat(place)] }).to_string()
                });
                let bodies: Vec<String> = of_this_place.collect();
                self.fresh.extend(bodies);
            }
        }
        Ok(std::mem::take(&mut self.fresh))
    }

    /// Takes back what was not sent.
    pub(super) fn give_back(&mut self, mut bodies: Vec<String>, written: usize) {
        self.fresh = bodies.split_off(written.min(bodies.len()));
    }

    /// Bodies that book every other seat of a showtime.
    pub(super) fn half(&self, showtime: &str) -> Vec<String> {
        let places = (0..SEATS).step_by(2);
        let body = |place| json!({ "user_id": self.user(place), "showtime_id": showtime, "seats": [seat(place)] });
        places.map(|place| body(place).to_string()).collect()
    }

    /// Bodies of `buyers` who want one of the same `seats` each, for one showtime after the other.
    ///
    /// # Errors
    /// When the system does not take the showtimes.
    pub(super) async fn scrambled(
        &mut self,
        showtimes: usize,
        buyers: usize,
        seats: usize,
    ) -> anyhow::Result<Vec<String>> {
        let mut bodies = Vec::with_capacity(showtimes * buyers);
        for showtime in self.make_showtimes(showtimes).await? {
            bodies.extend((0..buyers).map(|buyer| {
                json!({ "user_id": self.user(buyer), "showtime_id": showtime, "seats": [seat(buyer % seats)] })
                    .to_string()
            }));
        }
        Ok(bodies)
    }

    /// Makes showtimes; their ids.
    pub(super) async fn make_showtimes(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        let bodies = (self.showtimes..self.showtimes + count).map(|number| {
            let place = i32::try_from(number / HALLS).unwrap_or(i32::MAX);
            json!({
                "movie_id": self.movie,
                "hall_id": self.halls.get(number % HALLS),
                "starts_at": (self.first_day + APART * place).to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                "format": "35mm",
                "language": "en",
                "prices": { "standard": { "amount": 1250, "currency": "EUR" } },
            })
        });
        let bodies = bodies.collect();
        self.showtimes += count;
        self.create_all("showtimes", bodies).await
    }

    fn user(&self, number: usize) -> &str {
        self.users.get(number % USERS).map_or("", String::as_str)
    }

    async fn create_all(&self, what: &str, bodies: Vec<Value>) -> anyhow::Result<Vec<String>> {
        stream::iter(bodies).map(|body| self.create(what, body)).buffered(AT_ONCE).try_collect().await
    }

    async fn create(&self, what: &str, body: Value) -> anyhow::Result<String> {
        let request = self.client.post(format!("{}/api/{what}", self.base)).bearer_auth(&self.token).json(&body);
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if status != StatusCode::CREATED {
            bail!("POST /api/{what} answers {status}: {text}");
        }
        let answer: Value = serde_json::from_str(&text)?;
        let id = answer.get("id").and_then(Value::as_str);
        Ok(id.with_context(|| format!("POST /api/{what} answers without an id"))?.to_owned())
    }

    /// A showtime.
    ///
    /// # Errors
    /// When the answer is not 200, or no showtime.
    pub(super) async fn showtime(&self, id: &str) -> anyhow::Result<Showtime> {
        Ok(self.get(&format!("/api/showtimes/{id}")).await?.json().await?)
    }

    /// How many bytes the body of an answer has.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub(super) async fn size(&self, path: &str) -> anyhow::Result<usize> {
        Ok(self.get(path).await?.bytes().await?.len())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Response> {
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        Ok(request.send().await?.error_for_status()?)
    }
}

fn hall(number: usize) -> Value {
    let runs = json!([{ "kind": "seats", "count": WIDTH, "category": "standard" }]);
    let rows: Vec<Value> = (0..ROWS).map(|row| json!({ "label": label(row), "runs": runs })).collect();
    json!({ "name": format!("Hall {number}"), "layout": { "rows": rows } })
}

fn user(number: usize) -> Value {
    let (username, email) = (format!("buyer{number}"), format!("buyer{number}@example.com"));
    json!({ "username": username, "email": email, "full_name": format!("Buyer {number}") })
}

/// A hall's row, from A on.
fn label(row: usize) -> char {
    ('A'..='Z').nth(row).unwrap_or('Z')
}

/// The seats of a hall, one row after the other.
pub(super) fn seat(place: usize) -> String {
    format!("{}{}", label(place / WIDTH), place % WIDTH + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_those_of_the_hall() {
        assert_eq!((seat(0), seat(19), seat(20), seat(399)), ("A1".into(), "A20".into(), "B1".into(), "T20".into()));
    }
}
