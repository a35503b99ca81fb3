//! Every command there is, as a client gives it by each door that it has.

use contracts::Service::{self, Bookings, Movies, Users};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Order;
use crate::samples;

fn creates(service: Service, command: &'static str, thing: &'static str, path: &str, body: Value) -> Order {
    let rest = Some((Method::POST, path.to_owned(), body.clone()));
    Order { service, command, creates: Some(thing), changes: None, rest, nats: Some(body), anonymous: false }
}

/// A command about something that is there. On NATS its id is in the payload, at REST in the path.
fn changes(service: Service, command: &'static str, method: Method, path: &str, id: Uuid, body: Value) -> Order {
    let mut payload = if body.is_null() { json!({}) } else { body.clone() };
    payload["id"] = json!(id);
    let rest = Some((method, path.to_owned(), body));
    Order { service, command, creates: None, changes: Some(id), rest, nats: Some(payload), anonymous: false }
}

/// What NATS can't say: it would take a hash, or a proof.
fn at_rest_only(order: Order) -> Order {
    Order { nats: None, ..order }
}

/// `users.register`: somebody with this address, who can sign in.
pub fn register(email: &str) -> Order {
    let body = samples::with(samples::with(samples::user(), "email", email), "password", samples::PASSWORD);
    at_rest_only(creates(Users, "register", "user", "/api/users", body))
}

/// The same without a password, which NATS can say too.
pub fn add_user(email: &str) -> Order {
    creates(Users, "register", "user", "/api/users", samples::with(samples::user(), "email", email))
}

/// `users.update`.
pub fn update_user(id: Uuid, email: &str, name: &str) -> Order {
    let body = json!({ "username": name, "email": email, "full_name": name });
    changes(Users, "update", Method::PUT, &format!("/api/users/{id}"), id, body)
}

/// `users.delete`.
pub fn delete_user(id: Uuid) -> Order {
    changes(Users, "delete", Method::DELETE, &format!("/api/users/{id}"), id, Value::Null)
}

/// `users.change-password`, to the one that it is; by an admin without the current one.
pub fn change_password(id: Uuid, own: bool) -> Order {
    let mut body = json!({ "new_password": samples::PASSWORD });
    if own {
        body["current_password"] = json!(samples::PASSWORD);
    }
    at_rest_only(changes(Users, "change-password", Method::PUT, &format!("/api/users/{id}/password"), id, body))
}

/// `users.set-roles`.
pub fn set_roles(id: Uuid, roles: &[&str]) -> Order {
    let path = format!("/api/users/{id}/roles");
    changes(Users, "set-roles", Method::PUT, &path, id, json!({ "roles": roles }))
}

/// `users.open-session`.
pub fn sign_in(email: &str) -> Order {
    let body = json!({ "email": email, "password": samples::PASSWORD });
    let order = creates(Users, "open-session", "session", "/api/sessions", body);
    Order { anonymous: true, ..at_rest_only(order) }
}

/// `users.refresh-session`.
pub fn refresh_session(id: Uuid, refresh_token: &str) -> Order {
    let body = json!({ "refresh_token": refresh_token });
    let order = changes(Users, "refresh-session", Method::POST, "/api/sessions/refresh", id, body);
    Order { anonymous: true, ..at_rest_only(order) }
}

/// `users.close-session`.
pub fn sign_out(id: Uuid) -> Order {
    changes(Users, "close-session", Method::DELETE, &format!("/api/sessions/{id}"), id, Value::Null)
}

/// `users.add-api-key`.
pub fn add_api_key() -> Order {
    let body = json!({ "name": "Box office", "roles": ["staff"] });
    at_rest_only(creates(Users, "add-api-key", "api-key", "/api/api-keys", body))
}

/// `users.revoke-api-key`.
pub fn revoke_api_key(id: Uuid) -> Order {
    changes(Users, "revoke-api-key", Method::DELETE, &format!("/api/api-keys/{id}"), id, Value::Null)
}

/// `movies.add`.
pub fn add_movie(title: &str) -> Order {
    creates(Movies, "add", "movie", "/api/movies", samples::with(samples::movie(), "title", title))
}

/// `movies.update`.
pub fn update_movie(id: Uuid, title: &str) -> Order {
    let body = samples::with(samples::movie(), "title", title);
    changes(Movies, "update", Method::PUT, &format!("/api/movies/{id}"), id, body)
}

/// `movies.remove`.
pub fn remove_movie(id: Uuid) -> Order {
    changes(Movies, "remove", Method::DELETE, &format!("/api/movies/{id}"), id, Value::Null)
}

/// `movies.add-hall`.
pub fn add_hall(name: &str) -> Order {
    creates(Movies, "add-hall", "hall", "/api/halls", samples::with(samples::hall(), "name", name))
}

/// `movies.update-hall`.
pub fn update_hall(id: Uuid, name: &str) -> Order {
    let body = samples::with(samples::hall(), "name", name);
    changes(Movies, "update-hall", Method::PUT, &format!("/api/halls/{id}"), id, body)
}

/// `movies.remove-hall`.
pub fn remove_hall(id: Uuid) -> Order {
    changes(Movies, "remove-hall", Method::DELETE, &format!("/api/halls/{id}"), id, Value::Null)
}

/// What is known of a showtime so many days from now, at this price for a standard seat.
pub fn screening(movie: Uuid, hall: Uuid, days: i64, price: u32) -> Value {
    let mut body = samples::showtime(&movie.to_string(), &hall.to_string());
    body["starts_at"] = json!(samples::in_days(days));
    body["prices"]["standard"]["amount"] = json!(price);
    body
}

/// `movies.schedule`.
pub fn schedule(details: Value) -> Order {
    creates(Movies, "schedule", "showtime", "/api/showtimes", details)
}

/// `movies.reschedule`.
pub fn reschedule(id: Uuid, details: Value) -> Order {
    changes(Movies, "reschedule", Method::PUT, &format!("/api/showtimes/{id}"), id, details)
}

/// `movies.cancel`.
pub fn cancel_showtime(id: Uuid) -> Order {
    changes(Movies, "cancel", Method::DELETE, &format!("/api/showtimes/{id}"), id, Value::Null)
}

/// `bookings.place`.
pub fn place(user: Uuid, showtime: Uuid, seats: &[String]) -> Order {
    let body = json!({ "user_id": user, "showtime_id": showtime, "seats": seats });
    creates(Bookings, "place", "booking", "/api/bookings", body)
}

/// `bookings.change-seats`.
pub fn change_seats(id: Uuid, seats: &[String]) -> Order {
    let path = format!("/api/bookings/{id}");
    changes(Bookings, "change-seats", Method::PUT, &path, id, json!({ "seats": seats }))
}

/// `bookings.cancel`.
pub fn cancel(id: Uuid) -> Order {
    changes(Bookings, "cancel", Method::DELETE, &format!("/api/bookings/{id}"), id, Value::Null)
}

/// `bookings.check-in`.
pub fn check_in(id: Uuid) -> Order {
    changes(Bookings, "check-in", Method::POST, &format!("/api/bookings/{id}/check-in"), id, Value::Null)
}

/// `bookings.cancel-showtime`, which only NATS can say.
pub fn cancel_bookings_of_showtime(showtime: Uuid) -> Order {
    let nats = Some(json!({ "showtime_id": showtime }));
    let (service, command) = (Bookings, "cancel-showtime");
    Order { service, command, creates: None, changes: Some(showtime), rest: None, nats, anonymous: false }
}

/// `bookings.cancel-user`, which only NATS can say.
pub fn cancel_bookings_of_user(user: Uuid) -> Order {
    let nats = Some(json!({ "user_id": user }));
    let (service, command) = (Bookings, "cancel-user");
    Order { service, command, creates: None, changes: Some(user), rest: None, nats, anonymous: false }
}
