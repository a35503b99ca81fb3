//! The seat map of a showtime, put together from its hall's layout, its prices and what is booked.

use std::collections::HashSet;

use contracts::bookings::{Place, SeatMap, SeatRow};
use contracts::ids::ShowtimeId;
use contracts::layout::{Cell, Layout, Seat};
use contracts::showtimes::Prices;

/// What a seat map is made from.
pub struct Plan<'a> {
    /// What stands where.
    pub layout: &'a Layout,
    /// What a seat of each category costs.
    pub prices: Prices,
    /// Whether the showtime is.
    pub cancelled: bool,
    /// The seats of bookings that stand.
    pub taken: HashSet<Seat>,
}

impl Plan<'_> {
    /// The map. Of a cancelled showtime no seat is sold.
    pub fn map(&self, showtime_id: ShowtimeId) -> SeatMap {
        let row = |row: &contracts::layout::Row| SeatRow {
            label: row.label,
            places: row.cells().map(|cell| self.place(cell)).collect(),
        };
        let rows: Vec<SeatRow> = self.layout.rows.iter().map(row).collect();
        let places = || rows.iter().flat_map(|row| &row.places);
        let free = places().filter(|place| matches!(place, Place::Free { .. })).count();
        let sold = places().filter(|place| matches!(place, Place::Free { .. } | Place::Taken { .. })).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        SeatMap { showtime_id, free: count(free), capacity: count(sold), rows }
    }

    fn place(&self, cell: Cell<'_>) -> Place {
        let (seat, category) = match cell {
            Cell::Gap => return Place::Gap,
            Cell::Blocked(seat) => return Place::Blocked { seat },
            Cell::Seat(seat, category) => (seat, category),
        };
        match self.prices.get(category).cloned() {
            Some(price) if !self.cancelled => {
                let category = category.clone();
                match self.taken.contains(&seat) {
                    true => Place::Taken { seat, category, price },
                    false => Place::Free { seat, category, price },
                }
            }
            _ => Place::Blocked { seat },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};
    use uuid::Uuid;

    use super::*;

    fn layout() -> Layout {
        let layout = json!({ "rows": [{ "label": "A", "runs": [
            { "kind": "seats", "count": 2, "category": "standard" },
            { "kind": "gap", "count": 1 },
            { "kind": "blocked", "count": 1 },
            { "kind": "seats", "count": 1, "category": "box" },
        ] }] });
        serde_json::from_value(layout).unwrap()
    }

    fn map(cancelled: bool) -> SeatMap {
        let prices = json!({ "standard": { "amount": 1000, "currency": "EUR" } });
        let plan = Plan {
            layout: &layout(),
            prices: serde_json::from_value(prices).unwrap(),
            cancelled,
            taken: HashSet::from(["A2".parse().unwrap()]),
        };
        plan.map(ShowtimeId(Uuid::nil()))
    }

    #[test]
    fn every_place_has_its_state() {
        let map = map(false);
        let price = json!({ "amount": 1000, "currency": "EUR" });
        let places = json!([
            { "state": "free", "seat": "A1", "category": "standard", "price": price },
            { "state": "taken", "seat": "A2", "category": "standard", "price": price },
            { "state": "gap" },
            { "state": "blocked", "seat": "A3" },
            // A seat without a price is not sold.
            { "state": "blocked", "seat": "A4" },
        ]);
        assert_eq!(to_value(&map.rows[0].places).unwrap(), places);
        assert_eq!((map.free, map.capacity), (1, 2));
    }

    #[test]
    fn a_cancelled_showtime_sells_nothing() {
        let map = map(true);
        assert_eq!((map.free, map.capacity), (0, 0));
    }
}
