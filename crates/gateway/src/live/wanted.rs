//! What a listener asks for: which events, and from where on.

use chrono::{DateTime, Utc};
use contracts::catalogue::Catalogue;
use contracts::{Problem, Service};
use uuid::Uuid;

use super::entry::Entry;

/// Which events; a filter without values lets everything through.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    services: Vec<Service>,
    types: Vec<String>,
    ids: Vec<Uuid>,
    /// Where to start, when the client has not been here before.
    pub(crate) start: Start,
}

/// Where a listener starts who has not been here before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Start {
    /// With whatever happens next.
    #[default]
    Now,
    /// With the first event there is.
    Beginning,
    /// With the first event that was decided then or later.
    At(DateTime<Utc>),
}

impl Wanted {
    /// Reads the query string; each filter may come several times.
    ///
    /// # Errors
    /// `InvalidInput` with the parameter that is not known, or whose value is not.
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |message: &str| Problem::invalid(name.as_ref(), message);
            match name.as_ref() {
                "service" => wanted.services.push(value.parse().map_err(|message: String| wrong(&message))?),
                "type" => {
                    let known = is_event_type(&value);
                    known.then_some(()).ok_or_else(|| wrong("must be an event's type such as booking-placed.v1"))?;
                    wanted.types.push(value.into_owned());
                }
                "id" => wanted.ids.push(value.parse().map_err(|_| wrong("must be a UUID"))?),
                "from" if value == "beginning" => wanted.start = Start::Beginning,
                "from" => {
                    let time = DateTime::parse_from_rfc3339(&value);
                    let time = time.map_err(|_| wrong("must be `beginning` or a time such as 2030-01-31T20:00:00Z"))?;
                    wanted.start = Start::At(time.to_utc());
                }
                _ => return Err(wrong("is not known here; there are service, type, id and from")),
            }
        }
        Ok(wanted)
    }

    /// True for an event that is wanted.
    pub(crate) fn fits(&self, entry: &Entry) -> bool {
        fn any<T: PartialEq>(wanted: &[T], found: &T) -> bool {
            wanted.is_empty() || wanted.contains(found)
        }
        let in_time = match self.start {
            Start::At(time) => entry.recorded_at >= time,
            Start::Now | Start::Beginning => true,
        };
        let Entry { service, event_type, entity, .. } = entry;
        in_time && any(&self.services, service) && any(&self.types, event_type) && any(&self.ids, entity)
    }
}

fn is_event_type(name: &str) -> bool {
    Service::ALL.into_iter().any(|service| Catalogue::of(service).events.iter().any(|spec| spec.name == name))
}

#[cfg(test)]
mod tests {
    use contracts::Case;

    use super::*;

    #[test]
    fn filters_may_come_several_times_and_what_is_not_known_is_refused() {
        let query = "service=users&service=bookings&type=booking-placed.v1&from=2030-01-31T20:00:00%2B01:00";
        let wanted = Wanted::read(query).unwrap();
        assert_eq!(wanted.services, [Service::Users, Service::Bookings]);
        assert_eq!(wanted.types, ["booking-placed.v1"]);
        assert_eq!(wanted.start, Start::At("2030-01-31T19:00:00Z".parse().unwrap()));
        assert_eq!(Wanted::read("").unwrap(), Wanted::default());
        for (bad, field) in [
            ("service=films", "service"),
            ("service=", "service"),
            ("type=booking-placed", "type"),
            ("id=7", "id"),
            ("from=now", "from"),
            ("since=1h", "since"),
            ("Service=users", "Service"),
        ] {
            let problem = Wanted::read(bad).unwrap_err();
            assert!(problem.is(Case::InvalidInput) && problem.errors[0].field == field, "{bad}: {problem}");
        }
    }
}
