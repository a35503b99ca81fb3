//! What clients know of together: what there is to book, to change and to fight over.

use std::sync::{Mutex, PoisonError};

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use uuid::Uuid;

use super::client::Given;
use super::history::Told;

/// So many of each kind are kept in mind, the newest.
const KNOWN: usize = 40;

/// Kinds of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Movies, some of them gone.
    Movie,
    /// Halls, some of them gone.
    Hall,
    /// Showtimes that nobody cancels, so that everybody wants the same seats.
    Hot,
    /// Showtimes that somebody may cancel.
    Showtime,
    /// Users that are no client's own.
    User,
    /// Bookings, of whomever.
    Booking,
    /// API keys.
    Key,
}

/// What there is.
#[derive(Debug, Default)]
pub struct World {
    things: Mutex<Vec<(Kind, Uuid)>>,
}

impl World {
    /// Keeps what was created, unless it was refused: what may be there can be asked for.
    pub fn keep(&self, kind: Kind, given: &Given) {
        if let (Some(id), false) = (given.entity, matches!(given.told, Told::Refused { .. })) {
            let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
            things.push((kind, id));
            let of_kind = things.iter().filter(|(found, _)| *found == kind).count();
            if of_kind > KNOWN
                && let Some(oldest) = things.iter().position(|(found, _)| *found == kind)
            {
                things.remove(oldest);
            }
        }
    }

    /// Any one of a kind; one that nobody knows when there is none.
    pub fn any(&self, kind: Kind, rng: &mut SmallRng) -> Uuid {
        let things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind: Vec<Uuid> = things.iter().filter(|(found, _)| *found == kind).map(|(_, id)| *id).collect();
        of_kind.choose(rng).copied().unwrap_or_default()
    }
}
