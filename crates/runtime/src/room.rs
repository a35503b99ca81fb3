//! How much may be under way to each service at a time. Past that it is refused at once: whoever waits behind more than
//! a service can carry would hear of it too late, and memory would pay for the wait.
//!
//! Each service has room of its own, so that one which is slow or stands still takes nothing from the others.

use std::collections::HashMap;
use std::sync::Arc;

use contracts::{Case, Problem, Service};
use metrics::counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::figures;

/// How much may be under way to each service.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Bounds {
    /// Commands for one service whose outcomes are waited for at a time; more are refused with 503
    #[arg(long, env = "MARQUEE_MAX_COMMANDS", value_name = "NUMBER", default_value_t = Self::default().max_commands,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_commands: u32,
    /// Questions to one service that wait for their answers at a time; more are refused with 503
    #[arg(long, env = "MARQUEE_MAX_QUESTIONS", value_name = "NUMBER", default_value_t = Self::default().max_questions,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_questions: u32,
}

/// Four batches of commands, and some more questions than a service works on at once: less than a second of work each.
impl Default for Bounds {
    fn default() -> Self {
        Self { max_commands: 2000, max_questions: 1000 }
    }
}

/// Taken for one command or question; there is room for another when this is dropped.
pub(crate) type Taken = OwnedSemaphorePermit;

/// The room of every service. Clones share it.
#[derive(Clone)]
pub(crate) struct Room(Arc<HashMap<Service, [Arc<Semaphore>; 2]>>);

/// What takes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Question,
}

impl Room {
    pub(crate) fn new(Bounds { max_commands, max_questions }: Bounds) -> Self {
        let places = |number: u32| Arc::new(Semaphore::new(usize::try_from(number).unwrap_or(Semaphore::MAX_PERMITS)));
        let of_service = |service| (service, [places(max_commands), places(max_questions)]);
        Self(Arc::new(Service::ALL.into_iter().map(of_service).collect()))
    }

    /// Takes room for one, without waiting for it.
    ///
    /// # Errors
    /// [`Case::Unavailable`] when there is none.
    pub(crate) fn take(&self, service: Service, kind: Kind) -> Result<Taken, Problem> {
        let places = self.0.get(&service).map(|[commands, questions]| match kind {
            Kind::Command => commands,
            Kind::Question => questions,
        });
        let taken = places.and_then(|places| Arc::clone(places).try_acquire_owned().ok());
        taken.ok_or_else(|| {
            counter!(figures::SHED, "service" => service.name(), "kind" => kind.name()).increment(1);
            Problem::new(Case::Unavailable, format!("the {service} service has more to do than it can at the moment"))
        })
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Question => "question",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_full_refuses_at_once_and_fills_nothing_else() {
        let room = Room::new(Bounds { max_commands: 2, max_questions: 1 });
        let first = room.take(Service::Bookings, Kind::Command).unwrap();
        let _second = room.take(Service::Bookings, Kind::Command).unwrap();
        assert!(room.take(Service::Bookings, Kind::Command).unwrap_err().is(Case::Unavailable));
        let _question = room.take(Service::Bookings, Kind::Question).unwrap();
        let _other = room.take(Service::Users, Kind::Command).unwrap();
        drop(first);
        drop(room.take(Service::Bookings, Kind::Command).unwrap());
    }
}
