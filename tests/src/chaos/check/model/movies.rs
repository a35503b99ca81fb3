//! Movies, halls and showtimes.

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::super::history::Row;
use super::super::money;
use super::{Kind, Model, id, lay_over, unknown};

/// How long a hall is cleaned after a showtime.
const CLEANING: TimeDelta = TimeDelta::minutes(15);

pub(super) fn apply<'a>(model: &mut Model<'a>, row: &'a Row) -> Result<(), String> {
    let (data, entity) = (&row.data, row.entity_id);
    match row.event_type.as_str() {
        "movie-added.v1" => model.create(Kind::Movie, row, data["details"].clone()),
        "movie-updated.v1" => {
            model.live(Kind::Movie, entity)?;
            model.put(row, data["details"].clone(), false);
            Ok(())
        }
        "movie-removed.v1" => {
            let view = model.live(Kind::Movie, entity)?.clone();
            unneeded(model, "movie", entity)?;
            model.put(row, view, true);
            Ok(())
        }
        "hall-added.v1" => {
            let view = hall(&data["details"]);
            has_its_name_alone(model, entity, &view)?;
            model.create(Kind::Hall, row, view)
        }
        "hall-updated.v1" => {
            let (old, view) = (model.live(Kind::Hall, entity)?["layout"].clone(), hall(&data["details"]));
            has_its_name_alone(model, entity, &view)?;
            if old != view["layout"] {
                unneeded(model, "hall", entity)?;
            }
            model.put(row, view, false);
            Ok(())
        }
        "hall-removed.v1" => {
            let view = model.live(Kind::Hall, entity)?.clone();
            unneeded(model, "hall", entity)?;
            model.put(row, view, true);
            Ok(())
        }
        "showtime-scheduled.v1" => scheduled(model, row),
        "showtime-rescheduled.v1" => rescheduled(model, row),
        "showtime-cancelled.v1" => {
            let mut view = standing(model, entity)?;
            view["status"] = "cancelled".into();
            model.put(row, view, false);
            Ok(())
        }
        _ => unknown(row),
    }
}

fn scheduled<'a>(model: &mut Model<'a>, row: &'a Row) -> Result<(), String> {
    let details = &row.data["details"];
    let movie = model.live(Kind::Movie, id(&details["movie_id"]))?;
    let runtime = TimeDelta::minutes(movie["runtime_minutes"].as_i64().unwrap_or_default());
    let hall = id(&details["hall_id"]);
    model.live(Kind::Hall, hall)?;
    if hall != row.stream_id {
        return Err(format!("it is in the stream of {}, not of hall {hall}", row.stream_id));
    }
    let view = showtime(row);
    if time(&view["starts_at"])? + runtime != time(&view["ends_at"])? {
        return Err(format!("it does not run {} minutes", runtime.num_minutes()));
    }
    has_its_hall_alone(model, row.entity_id, &view)?;
    model.create(Kind::Showtime, row, view)
}

fn rescheduled<'a>(model: &mut Model<'a>, row: &'a Row) -> Result<(), String> {
    let (old, view) = (standing(model, row.entity_id)?, showtime(row));
    if old["movie"] != view["movie"] || old["hall"] != view["hall"] {
        return Err("it has another movie or hall".into());
    }
    let lasts = |view: &Value| Ok::<_, String>(time(&view["ends_at"])? - time(&view["starts_at"])?);
    if lasts(&old)? != lasts(&view)? {
        return Err("it lasts another time".into());
    }
    has_its_hall_alone(model, row.entity_id, &view)?;
    model.put(row, view, false);
    Ok(())
}

fn standing(model: &Model<'_>, showtime: Uuid) -> Result<Value, String> {
    let view = model.live(Kind::Showtime, showtime)?;
    if view["status"] == "scheduled" { Ok(view.clone()) } else { Err(format!("showtime {showtime} is cancelled")) }
}

fn showtime(row: &Row) -> Value {
    let details = &row.data["details"];
    json!({
        "movie": { "id": details["movie_id"] }, "hall": { "id": details["hall_id"] },
        "starts_at": details["starts_at"], "ends_at": row.data["ends_at"],
        "format": details["format"], "language": details["language"], "prices": details["prices"],
        "status": "scheduled",
    })
}

fn hall(details: &Value) -> Value {
    let mut view =
        json!({ "capacity": money::seats(&details["layout"]).filter(|(_, sold_as)| sold_as.is_some()).count() });
    lay_over(&mut view, details);
    view
}

fn has_its_name_alone(model: &Model<'_>, hall: Uuid, view: &Value) -> Result<(), String> {
    let name = |view: &Value| view["name"].as_str().unwrap_or_default().to_lowercase();
    let mut others = model.all(Kind::Hall).filter(|(id, other)| *id != hall && !other.last().gone);
    match others.find(|(_, other)| name(&other.last().view) == name(view)) {
        Some((other, _)) => Err(format!("hall {other} has the same name")),
        None => Ok(()),
    }
}

fn has_its_hall_alone(model: &Model<'_>, showtime: Uuid, view: &Value) -> Result<(), String> {
    let (start, end) = (time(&view["starts_at"])?, time(&view["ends_at"])? + CLEANING);
    for (other, thing) in model.all(Kind::Showtime) {
        let theirs = &thing.last().view;
        if other == showtime || theirs["hall"] != view["hall"] || theirs["status"] != "scheduled" {
            continue;
        }
        if start < time(&theirs["ends_at"])? + CLEANING && time(&theirs["starts_at"])? < end {
            return Err(format!("showtime {other} has the hall at that time"));
        }
    }
    Ok(())
}

/// A run's showtimes are all to come, so whatever one needs stays.
fn unneeded(model: &Model<'_>, what: &str, id: Uuid) -> Result<(), String> {
    let id = id.to_string();
    let needs = |view: &Value| view[what]["id"] == id && view["status"] == "scheduled";
    match model.all(Kind::Showtime).find(|(_, showtime)| needs(&showtime.last().view)) {
        Some((showtime, _)) => Err(format!("showtime {showtime} still needs it")),
        None => Ok(()),
    }
}

fn time(value: &Value) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(value.as_str().unwrap_or_default()).map_err(|error| format!("{value}: {error}"))
}
