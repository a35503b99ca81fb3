//! What seats cost, by the checker's own arithmetic: each category's price, from the showtime, for each seat's category,
//! from the hall.

use contracts::Service;
use serde_json::Value;

use super::super::history::{History, Row};
use super::model::{Kind, Model, id};
use super::same::same;
use super::{Finding, Invariant};

/// Every seat of a layout, and what it is sold as; nothing for a blocked one.
pub(super) fn seats(layout: &Value) -> impl Iterator<Item = (String, Option<&str>)> {
    let rows = layout["rows"].as_array().into_iter().flatten();
    rows.flat_map(|row| {
        let label = row["label"].as_str().unwrap_or_default();
        let runs = row["runs"].as_array().into_iter().flatten().filter(|run| run["kind"] != "gap");
        let kinds = runs.flat_map(|run| {
            let count = run["count"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
            std::iter::repeat_n(run["category"].as_str(), count)
        });
        kinds.zip(1..).map(move |(kind, number)| (format!("{label}{number}"), kind))
    })
}

/// The versions of a booking's showtime whose prices make the prices of an event's seats. What the booking kept of the
/// seats it had costs what it did.
pub(super) fn versions(model: &Model<'_>, row: &Row) -> Vec<u64> {
    let Some(showtime) = model.thing(Kind::Showtime, id(&row.data["showtime_id"])) else { return Vec::new() };
    let fits = |version: &u64| {
        let Some(state) = showtime.at(*version) else { return false };
        sold(row).all(|sold| is_kept(model, row, sold) || is_priced(model, &state.view, sold))
    };
    (1..=showtime.states.len() as u64).filter(fits).collect()
}

pub(super) fn check(history: &History, model: &Model<'_>) -> Vec<Finding> {
    let journal = history.ending.services.get(&Service::Bookings).map(|kept| kept.journal.as_slice());
    let sells = |row: &&Row| row.data["seats"].is_array();
    let rows = journal.unwrap_or_default().iter().filter(sells).filter(|row| versions(model, row).is_empty());
    rows.map(|row| {
        let about = format!("bookings, position {}", row.position);
        let what = "its seats never cost that, by the hall's categories and the showtime's prices";
        Finding::new(Invariant::Money, about, what).with_rows(Service::Bookings, [row])
    })
    .collect()
}

fn sold(row: &Row) -> impl Iterator<Item = &Value> {
    row.data["seats"].as_array().into_iter().flatten()
}

fn is_kept(model: &Model<'_>, row: &Row, sold: &Value) -> bool {
    let states = model.thing(Kind::Booking, row.entity_id).map(|booking| booking.states.as_slice()).unwrap_or_default();
    let before = states.iter().take_while(|state| state.row.position < row.position).last();
    before.is_some_and(|before| before.view["seats"].as_array().into_iter().flatten().any(|kept| same(kept, sold)))
}

fn is_priced(model: &Model<'_>, showtime: &Value, sold: &Value) -> bool {
    let Some(hall) = model.thing(Kind::Hall, id(&showtime["hall"]["id"])) else { return false };
    let name = sold["seat"].as_str().unwrap_or_default();
    // A layout stays while showtimes are to come, and a run's all are: whichever has the seat will do.
    let mut categories = hall.states.iter().filter_map(|state| {
        let found = seats(&state.view["layout"]).find(|(seat, _)| seat == name);
        found.and_then(|(_, category)| category)
    });
    categories.any(|category| sold["category"] == category && same(&sold["price"], &showtime["prices"][category]))
}
