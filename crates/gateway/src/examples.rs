//! The document's examples. They work after `marquee seed`, because what it creates has ids that follow from its
//! idempotency keys: `seed-user-1` and so on. What they rely on beyond that:
//!
//! - showtime 1 is to come, of movie 38 (Blade Runner, 117 minutes) in hall 1, whose seats are of the categories
//!   `standard`, `premium`, `love-seat` and `wheelchair`; its seats A1, A2, B1 and B2 stay free;
//! - booking 1 is user 1's, of showtime 1; there are a booking 2, a showtime 2 and a user 25;
//! - movie 51 is not shown, and hall 4 shows nothing.

use contracts::ids::CommandId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::created::{command_id, created_id};

/// Whose keys those are: `marquee seed` comes with a token of the machine that it runs on.
const SEEDER: &str = "machine";

fn seed_command(thing: &str, number: u32) -> CommandId {
    command_id(SEEDER, "POST", &format!("/api/{thing}s"), &format!("seed-{thing}-{number}"))
}

fn seeded(thing: &str, number: u32) -> Uuid {
    created_id(seed_command(thing, number), thing)
}

/// The user that `marquee seed` creates under this number.
pub fn user(number: u32) -> Uuid {
    seeded("user", number)
}

/// The movie of showtime 1.
pub fn movie() -> Uuid {
    seeded("movie", 38)
}

/// A movie that can be removed.
pub fn movie_without_showtimes() -> Uuid {
    seeded("movie", 51)
}

/// The hall of showtime 1.
pub fn hall() -> Uuid {
    seeded("hall", 1)
}

/// A hall that can be rebuilt and removed.
pub fn hall_without_showtimes() -> Uuid {
    seeded("hall", 4)
}

/// The showtime that `marquee seed` schedules under this number.
pub fn showtime(number: u32) -> Uuid {
    seeded("showtime", number)
}

/// The booking that `marquee seed` makes under this number.
pub fn booking(number: u32) -> Uuid {
    seeded("booking", number)
}

/// The operation that made booking 1.
pub fn operation() -> Uuid {
    seed_command("booking", 1).0
}

/// The API key that `marquee seed` makes.
pub fn api_key() -> Uuid {
    created_id(command_id(SEEDER, "POST", "/api/api-keys", "seed-api-key-1"), "api-key")
}

/// The session that `marquee seed` opens, for the example of how to sign out.
pub fn session() -> Uuid {
    created_id(command_id("anonymous", "POST", "/api/sessions", "seed-session-1"), "session")
}

/// What `GET /api/events` may begin with.
pub(crate) fn events() -> String {
    let id = booking(1);
    let event = json!({
        "specversion": "1.0", "id": "019ab2f4-1c00-7a3c-9df1-3f0a7b7d1f27", "source": "/marquee/bookings",
        "type": "booking-checked-in.v1", "subject": id, "time": "2030-01-31T19:45:00.000000Z",
        "dataschema": "urn:marquee:schema:bookings:event:booking-checked-in.v1",
        "data": { "booking_id": id, "showtime_id": showtime(1) },
    });
    format!("retry: 1000\nid: u12.m40.b6\n\nid: u12.m40.b7\nevent: booking-checked-in.v1\ndata: {event}\n\n")
}

/// How a seat map may change that is followed.
pub(crate) fn seat_events() -> String {
    let price = json!({ "amount": 1250, "currency": "EUR" });
    let seat = json!({ "state": "taken", "seat": "C7", "category": "standard", "price": price });
    let changed = json!({ "showtime_id": showtime(1), "free": 117, "capacity": 120, "seats": [seat] });
    format!("id: u12.m40.b7\nevent: seats-changed\ndata: {changed}\n\n")
}

pub(crate) fn new_user() -> Value {
    json!({
        "username": "ada",
        "email": "ada@example.com",
        "full_name": "Ada Lovelace",
        "password": "Analytical-Engine",
    })
}

/// What `marquee seed` gives every user as a password: nobody keeps anything there.
pub const SEED_PASSWORD: &str = "Train-Arriving-1896";

pub(crate) fn credentials() -> Value {
    json!({ "email": "georges@marquee.example", "password": SEED_PASSWORD })
}

pub(crate) fn new_password() -> Value {
    json!({ "current_password": SEED_PASSWORD, "new_password": "Le-Voyage-1902" })
}

pub(crate) fn new_roles() -> Value {
    json!({ "roles": ["customer", "staff"] })
}

pub(crate) fn new_api_key() -> Value {
    json!({ "name": "Box office", "roles": ["staff"] })
}

pub(crate) fn changed_user() -> Value {
    json!({ "username": "alice", "email": "alice.guy@example.com", "full_name": "Alice Guy" })
}

pub(crate) fn new_movie() -> Value {
    json!({
        "title": "The Adventures of Prince Achmed",
        "director": "Lotte Reiniger",
        "rating": 7.8,
        "runtime_minutes": 66,
        "synopsis": "A prince on a flying horse; the oldest animated feature film that is not lost.",
        "genres": ["Animation", "Fantasy"],
        "release_date": "1926-09-03",
        "certificate": "0",
        "poster_url": "https://example.com/achmed.jpg",
    })
}

pub(crate) fn changed_movie() -> Value {
    json!({
        "title": "Blade Runner: The Final Cut",
        "director": "Ridley Scott",
        "rating": 8.5,
        "runtime_minutes": 117,
        "synopsis": "A blade runner must hunt four replicants.",
        "genres": ["Drama", "Science fiction"],
        "release_date": "2007-10-05",
        "certificate": "16",
    })
}

pub(crate) fn new_hall() -> Value {
    json!({
        "name": "Chomón",
        "layout": { "rows": [
            { "label": "A", "runs": [
                { "kind": "gap", "count": 1 },
                { "kind": "seats", "count": 6, "category": "standard" },
                { "kind": "gap", "count": 1 },
            ] },
            { "label": "B", "runs": [
                { "kind": "seats", "count": 3, "category": "standard" },
                { "kind": "blocked", "count": 2 },
                { "kind": "seats", "count": 3, "category": "standard" },
            ] },
            { "label": "C", "runs": [{ "kind": "seats", "count": 8, "category": "premium" }] },
        ] },
    })
}

pub(crate) fn changed_hall() -> Value {
    json!({
        "name": "Guy-Blaché",
        "layout": { "rows": [
            { "label": "A", "runs": [{ "kind": "seats", "count": 8, "category": "standard" }] },
            { "label": "B", "runs": [
                { "kind": "seats", "count": 3, "category": "premium" },
                { "kind": "gap", "count": 2 },
                { "kind": "seats", "count": 3, "category": "premium" },
            ] },
        ] },
    })
}

pub(crate) fn new_showtime() -> Value {
    screening("2030-01-31T20:00:00Z")
}

pub(crate) fn changed_showtime() -> Value {
    screening("2030-02-28T20:30:00Z")
}

fn screening(starts_at: &str) -> Value {
    json!({
        "movie_id": movie(),
        "hall_id": hall(),
        "starts_at": starts_at,
        "format": "70mm",
        "language": "en",
        "prices": {
            "standard": { "amount": 1250, "currency": "EUR" },
            "premium": { "amount": 1650, "currency": "EUR" },
            "love-seat": { "amount": 1850, "currency": "EUR" },
            "wheelchair": { "amount": 1050, "currency": "EUR" },
        },
    })
}

pub(crate) fn new_booking() -> Value {
    json!({ "user_id": user(1), "showtime_id": showtime(1), "seats": ["A1", "A2"] })
}

pub(crate) fn new_seats() -> Value {
    json!({ "seats": ["B1", "B2"] })
}
