//! Positions in the services' journals, as clients carry them to read what they wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::subjects::Service;

/// For some services a position of their journal. Written `bookings=12,movies=7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<Service, u64>);

impl Positions {
    /// One service's position.
    pub fn of(service: Service, position: u64) -> Self {
        Self(BTreeMap::from([(service, position)]))
    }

    /// The position of this service's journal, 0 when none is named.
    pub fn get(&self, service: Service) -> u64 {
        self.0.get(&service).copied().unwrap_or(0)
    }

    /// Takes the higher one of each service's positions.
    pub fn merge(&mut self, other: &Positions) {
        for (service, position) in &other.0 {
            let known = self.0.entry(*service).or_default();
            *known = (*known).max(*position);
        }
    }

    /// True when no service is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each service that is named, with its position.
    pub fn iter(&self) -> impl Iterator<Item = (Service, u64)> {
        self.0.iter().map(|(service, position)| (*service, *position))
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (service, position)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{service}={position}")?;
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut positions = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let invalid = || "must look like bookings=12,movies=7".to_owned();
            let (name, position) = part.split_once('=').ok_or_else(invalid)?;
            let service = name.trim().parse().map_err(|_| invalid())?;
            let position = position.trim().parse().map_err(|_| invalid())?;
            positions.merge(&Self::of(service, position));
        }
        Ok(positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_written_and_read() {
        let positions: Positions = "movies=7, bookings=12,movies=3".parse().unwrap();
        assert_eq!(positions.get(Service::Movies), 7);
        assert_eq!(positions.get(Service::Users), 0);
        assert_eq!(positions.to_string(), "movies=7,bookings=12");
        for bad in ["x", "movies", "movies=x", "films=1", "movies=-1"] {
            assert!(bad.parse::<Positions>().is_err(), "{bad}");
        }
    }
}
