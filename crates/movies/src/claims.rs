//! What there is one of, as the database's primary key has it. All are held by the hall's stream.

use contracts::halls::HallName;
use contracts::ids::{HallId, ShowtimeId};
use runtime::domain::Claim;

/// The kind of [`hall_name`]. Every hall that is not removed holds one, so it also finds all of them.
pub const HALL_NAME: &str = "hall-name";

/// A hall's name without regard to case.
pub fn hall_name(name: &HallName) -> Claim {
    Claim::new(HALL_NAME, name.as_str().to_lowercase())
}

/// A showtime's id: tells the hall of a command that only names the showtime. Never given back.
pub fn showtime(id: ShowtimeId) -> Claim {
    Claim::new("showtime", id.to_string())
}

/// Five minutes of a hall, numbered since 1970: what backs "no two screenings overlap" in the database.
pub fn hall_slot(hall: HallId, slot: i64) -> Claim {
    Claim::new("hall-slot", format!("{hall}/{slot}"))
}
