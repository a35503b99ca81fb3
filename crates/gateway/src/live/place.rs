//! How far a listener has come: a position in each service's journal. As text it is the id of a server-sent event, such
//! as `u12.m40.b7`, which a client that comes back sends as `Last-Event-ID`.

use std::fmt;
use std::str::FromStr;

use contracts::{Positions, Service};

/// A position in each service's journal: whoever is here has everything up to it, and nothing behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    users: u64,
    movies: u64,
    bookings: u64,
}

impl Place {
    /// Where whoever has seen this is at least.
    pub(crate) fn of(positions: &Positions) -> Self {
        let [users, movies, bookings] = Service::ALL.map(|service| positions.get(service));
        Self { users, movies, bookings }
    }

    /// The position in this service's journal.
    pub(crate) fn get(&self, service: Service) -> u64 {
        match service {
            Service::Users => self.users,
            Service::Movies => self.movies,
            Service::Bookings => self.bookings,
        }
    }

    /// Moves on in one journal.
    pub(crate) fn set(&mut self, service: Service, position: u64) {
        match service {
            Service::Users => self.users = position,
            Service::Movies => self.movies = position,
            Service::Bookings => self.bookings = position,
        }
    }

    /// The higher position of each journal.
    pub(crate) fn max(mut self, other: &Self) -> Self {
        for service in Service::ALL {
            self.set(service, self.get(service).max(other.get(service)));
        }
        self
    }

    /// True when whoever is here has all that somebody at `other` has.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        Service::ALL.iter().all(|service| self.get(*service) >= other.get(*service))
    }

    /// The same for a question that must not be answered from before. Nothing is before the start.
    pub(crate) fn positions(&self) -> Positions {
        let mut positions = Positions::default();
        for service in Service::ALL.into_iter().filter(|service| self.get(*service) > 0) {
            positions.merge(&Positions::of(service, self.get(service)));
        }
        positions
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}.m{}.b{}", self.users, self.movies, self.bookings)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('.');
        let mut next = |letter| parts.next().and_then(|part| part.strip_prefix(letter)?.parse().ok());
        let place = match (next('u'), next('m'), next('b')) {
            (Some(users), Some(movies), Some(bookings)) => Some(Self { users, movies, bookings }),
            _ => None,
        };
        // Only what is written here is read: no signs, no leading zeros, nothing behind it.
        let place = place.filter(|place| place.to_string() == text);
        place.ok_or_else(|| format!("{text:?} is not the id of an event, such as u12.m40.b7"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_reads_what_it_writes_and_nothing_else() {
        for text in ["u0.m0.b0", "u12.m40.b7", &format!("u{0}.m{0}.b{0}", u64::MAX)] {
            assert_eq!(place(text).to_string(), text);
        }
        for bad in [
            "",
            "7",
            "u1",
            "u1.m2",
            "u1.m2.b3.",
            "u1.m2.b3.x4",
            "m2.u1.b3",
            "u01.m2.b3",
            "u+1.m2.b3",
            "u-1.m2.b3",
            "u1.m2.b",
            " u1.m2.b3",
            "U1.M2.B3",
            "u1.m2.b18446744073709551616",
        ] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }

    #[test]
    fn places_of_two_gateways_need_not_be_in_order() {
        let (one, other) = (place("u1.m5.b3"), place("u2.m4.b3"));
        assert!(!one.covers(&other) && !other.covers(&one) && one.covers(&one));
        assert_eq!(one.max(&other), place("u2.m5.b3"));
        assert_eq!(one.positions().to_string(), "users=1,movies=5,bookings=3");
        assert_eq!(Place::of(&one.positions()), one);
    }
}
