//! Bookings, and who sits where.

use contracts::Service;
use serde_json::{Value, json};

use super::super::super::history::Row;
use super::super::{Finding, Invariant};
use super::{Kind, Model, id, unknown};

/// Seats of one showtime that a user can have.
const SEATS_OF_A_USER: usize = 10;

pub(super) fn apply<'a>(model: &mut Model<'a>, row: &'a Row) -> Result<(), String> {
    let (data, entity) = (&row.data, row.entity_id);
    let known = model.live(Kind::Booking, entity).cloned();
    match row.event_type.as_str() {
        "booking-placed.v1" => {
            let view = json!({
                "user_id": data["user_id"], "showtime": { "id": data["showtime_id"] },
                "seats": data["seats"], "total": total(&data["seats"]), "status": "confirmed",
            });
            model.create(Kind::Booking, row, view)?;
            sit(model, row, Vec::new(), names(&data["seats"]))?;
        }
        "booking-seats-changed.v1" => {
            let mut view = changeable(known)?;
            let before = names(&view["seats"]);
            view["seats"] = data["seats"].clone();
            view["total"] = total(&data["seats"]);
            model.put(row, view, false);
            sit(model, row, before, names(&data["seats"]))?;
        }
        "booking-checked-in.v1" => {
            let mut view = changeable(known)?;
            view["status"] = "checked-in".into();
            model.put(row, view, false);
        }
        "booking-cancelled.v1" => {
            // Whoever has come stays, unless the showtime or they themselves are gone.
            let mut view = if data["reason"] == "requested" { changeable(known)? } else { known? };
            if view["status"] == "cancelled" {
                return Err("it is cancelled already".into());
            }
            let before = names(&view["seats"]);
            view["status"] = "cancelled".into();
            model.put(row, view, false);
            sit(model, row, before, Vec::new())?;
        }
        _ => return unknown(row),
    }
    if row.stream_id != id(&data["showtime_id"]) {
        return Err(format!("it is in the stream of {}", row.stream_id));
    }
    Ok(())
}

fn changeable(known: Result<Value, String>) -> Result<Value, String> {
    let view = known?;
    if view["status"] == "confirmed" { Ok(view) } else { Err(format!("it is {}", view["status"])) }
}

/// Moves a booking, and notes who sat there.
///
/// # Errors
/// When the user has more seats than anybody may have.
fn sit<'a>(model: &mut Model<'a>, row: &'a Row, before: Vec<String>, after: Vec<String>) -> Result<(), String> {
    let user = model.live(Kind::Booking, row.entity_id)?["user_id"].to_string();
    let seating = model.seatings.entry(id(&row.data["showtime_id"])).or_default();
    let held = seating.count(user, &before, &after);
    for (seat, other) in seating.change(row.position, row.entity_id, before, after) {
        let about = format!("seat {seat} of showtime {}", row.data["showtime_id"]);
        let what = format!("booking {} gets it while booking {other} has it", row.entity_id);
        let others = model.things.get(&other).map(|thing| thing.last().row);
        let rows = others.into_iter().chain([row]);
        model.findings.push(Finding::new(Invariant::Seats, about, what).with_rows(Service::Bookings, rows));
    }
    if held > SEATS_OF_A_USER { Err(format!("the user has {held} seats of the showtime")) } else { Ok(()) }
}

/// The names of sold seats.
pub(in super::super) fn names(seats: &Value) -> Vec<String> {
    let seats = seats.as_array().into_iter().flatten();
    seats.filter_map(|sold| sold["seat"].as_str().map(str::to_owned)).collect()
}

fn total(seats: &Value) -> Value {
    let prices = || seats.as_array().into_iter().flatten().map(|sold| &sold["price"]);
    let amount: u64 = prices().filter_map(|price| price["amount"].as_u64()).sum();
    json!({ "amount": amount, "currency": prices().next().map(|price| &price["currency"]) })
}
