//! Seat maps, as they must look.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The seats that a map shows as taken.
pub(super) fn taken(map: &Value) -> BTreeSet<String> {
    let rows = map["rows"].as_array().into_iter().flatten();
    let places = rows.flat_map(|row| row["places"].as_array().into_iter().flatten());
    places
        .filter(|place| place["state"] == "taken")
        .filter_map(|place| place["seat"].as_str().map(str::to_owned))
        .collect()
}

/// The map of a showtime in a hall with this layout, of which these seats are taken.
pub(super) fn map(showtime: &Value, layout: &Value, taken: &BTreeSet<String>) -> Value {
    let cancelled = showtime["status"] == "cancelled";
    let (mut free, mut capacity, mut rows) = (0, 0, Vec::new());
    for row in layout["rows"].as_array().into_iter().flatten() {
        let (mut number, mut places) = (0, Vec::new());
        for run in row["runs"].as_array().into_iter().flatten() {
            for _ in 0..run["count"].as_u64().unwrap_or_default() {
                if run["kind"] == "gap" {
                    places.push(json!({ "state": "gap" }));
                    continue;
                }
                number += 1;
                let seat = format!("{}{number}", row["label"].as_str().unwrap_or_default());
                let price = run["category"].as_str().map(|category| &showtime["prices"][category]);
                places.push(match price {
                    Some(price) if !cancelled && !price.is_null() => {
                        let is_taken = taken.contains(&seat);
                        free += u64::from(!is_taken);
                        capacity += 1;
                        let state = if is_taken { "taken" } else { "free" };
                        json!({ "state": state, "seat": seat, "category": run["category"], "price": price })
                    }
                    _ => json!({ "state": "blocked", "seat": seat }),
                });
            }
        }
        rows.push(json!({ "label": row["label"], "places": places }));
    }
    json!({ "showtime_id": showtime["id"], "free": free, "capacity": capacity, "rows": rows })
}
