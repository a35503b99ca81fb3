//! Three halls of different shapes, and one that has not opened yet.

use serde_json::{Value, json};

/// A hall: a row is a label and its places from left to right. `s` is a standard seat, `p` a premium one, `l` half a
/// love seat, `w` a wheelchair's place, `x` a blocked seat and `.` a gap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hall {
    pub(super) name: &'static str,
    /// How films are shown here.
    pub(super) format: &'static str,
    rows: &'static [(&'static str, &'static str)],
}

/// All of them. Their places are part of what was seeded.
pub(super) const HALLS: [Hall; 4] = [
    // A palace with two aisles, wider towards the back, with a projector that takes two seats.
    Hall {
        name: "Lumière",
        format: "70mm",
        rows: &[
            ("A", ".....sss.ssssssss.sss....."),
            ("B", "....ssss.ssssssss.ssss...."),
            ("C", "...sssss.ssssssss.sssss..."),
            ("D", "..ssssss.ssssssss.ssssss.."),
            ("E", "..ssssss.ssssssss.ssssss.."),
            ("F", ".sssssss.ssssssss.sssssss."),
            ("G", ".sssssss.ssssssss.sssssss."),
            ("H", "ww..............wwww....ww"),
            ("J", "ssssssss.pppppppp.ssssssss"),
            ("K", "ssssssss.pppppppp.ssssssss"),
            ("L", "ssssssss.pppppppp.ssssssss"),
            ("M", "ssssssss.pppppppp.ssssssss"),
            ("N", "llllllll.pppxxppp.llllllll"),
        ],
    },
    // A vaulted cellar around two pillars.
    Hall {
        name: "Méliès",
        format: "35mm",
        rows: &[
            ("A", "...ssssssss..."),
            ("B", "..ssssssssss.."),
            ("C", ".ssss.ss.ssss."),
            ("D", "ssssssssssssss"),
            ("E", "ssss.pppp.ssss"),
            ("F", "sss.pppppp.sss"),
            ("G", "ww.pppppppp.ww"),
        ],
    },
    // A corner room for small films; the seats at its door are not sold.
    Hall {
        name: "Reiniger",
        format: "2D",
        rows: &[("A", "ssssss.."), ("B", "sssssss."), ("C", "ssssssss"), ("D", "xxssssss"), ("E", "..llllll")],
    },
    // Nothing is shown here, so it can be rebuilt and removed.
    Hall { name: "Blaché", format: "2D", rows: &[("A", ".ssss."), ("B", "ssssss"), ("C", "ss..ss")] },
];

impl Hall {
    /// What POST /api/halls takes.
    pub(super) fn body(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|(label, places)| row(label, places)).collect();
        json!({ "name": self.name, "layout": { "rows": rows } })
    }

    /// What a seat of each category costs, in cents: in the evening more.
    pub(super) fn prices(&self, evening: bool) -> Value {
        let extra = if evening { 250 } else { 0 };
        let places = self.rows.iter().flat_map(|(_, places)| places.chars());
        let priced = places.filter_map(|place| {
            let (category, amount) = match place {
                's' => ("standard", 1000),
                'p' => ("premium", 1400),
                'l' => ("love-seat", 1600),
                'w' => ("wheelchair", 800),
                _ => return None,
            };
            Some((category.to_owned(), json!({ "amount": amount + extra, "currency": "EUR" })))
        });
        Value::Object(priced.collect())
    }

    /// The seats that are sold, in runs that no gap and no other category parts.
    pub(super) fn neighbours(&self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for (label, places) in self.rows {
            let mut number = 0;
            for run in runs(places) {
                let Some(place) = run.chars().next().filter(|place| *place != '.') else { continue };
                let first = number + 1;
                number += run.len();
                if place != 'x' {
                    all.push((first..=number).map(|number| format!("{label}{number}")).collect());
                }
            }
        }
        all
    }
}

fn row(label: &str, places: &str) -> Value {
    let runs: Vec<Value> = runs(places)
        .into_iter()
        .map(|run| {
            let seats = |category: &str| json!({ "kind": "seats", "count": run.len(), "category": category });
            match run.chars().next() {
                Some('s') => seats("standard"),
                Some('p') => seats("premium"),
                Some('l') => seats("love-seat"),
                Some('w') => seats("wheelchair"),
                Some('x') => json!({ "kind": "blocked", "count": run.len() }),
                _ => json!({ "kind": "gap", "count": run.len() }),
            }
        })
        .collect();
    json!({ "label": label, "runs": runs })
}

/// Equal places side by side.
fn runs(places: &str) -> Vec<String> {
    let places: Vec<char> = places.chars().collect();
    places.chunk_by(|a, b| a == b).map(|run| run.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contracts::halls::HallDetails;
    use contracts::layout::{Category, Seat};

    use super::*;

    #[test]
    fn the_halls_are_possible_and_their_neighbourhoods_are_their_seats() {
        for hall in HALLS {
            let details: HallDetails = serde_json::from_value(hall.body()).unwrap();
            let sold = details.layout.seats().into_iter().filter_map(|(seat, category)| category.map(|_| seat));
            let mut neighbours: Vec<Seat> =
                hall.neighbours().concat().iter().map(|seat| seat.parse().unwrap()).collect();
            neighbours.sort();
            assert_eq!(neighbours, sold.collect::<Vec<_>>(), "{}", hall.name);
            let prices = hall.prices(true);
            let priced: BTreeSet<&str> = prices.as_object().unwrap().keys().map(String::as_str).collect();
            let categories: BTreeSet<&str> = details.layout.categories().into_iter().map(Category::as_str).collect();
            assert_eq!(priced, categories);
        }
    }
}
