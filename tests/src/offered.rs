//! What there is on NATS, as the contracts list it.

use contracts::audit::AUDIT;
use contracts::bookings::{self, BookingCommand};
use contracts::message::MessageSpec;
use contracts::movies::{self, MovieCommand};
use contracts::operations::OPERATION;
use contracts::users::{self, UserCommand};
use contracts::{CommandSet, Service, halls, showtimes};

/// The names of what a service can be told and asked by anybody who may.
pub struct Offered {
    /// Which.
    pub service: Service,
    /// Its commands.
    pub commands: Vec<&'static str>,
    /// Its queries, and what every service answers: what became of a command, and the journal's entries.
    pub queries: Vec<&'static str>,
}

/// What each service offers.
pub fn offered() -> [Offered; 3] {
    let names = |specs: Vec<MessageSpec>| specs.into_iter().map(|spec| spec.name);
    let offered = |service, commands, queries: Vec<MessageSpec>| Offered {
        service,
        commands: names(commands).collect(),
        queries: names(queries).chain([OPERATION, AUDIT]).collect(),
    };
    let movies = [movies::queries(), halls::queries(), showtimes::queries()].concat();
    [
        offered(Service::Users, UserCommand::specs(), users::queries()),
        offered(Service::Movies, MovieCommand::specs(), movies),
        offered(Service::Bookings, BookingCommand::specs(), bookings::queries()),
    ]
}
