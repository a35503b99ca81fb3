//! What there is: everything that each service can be asked, and everything that it tells. The documents in `schemas/`
//! are made from it.

use crate::bookings::{BookingCommand, BookingEvent};
use crate::message::{CommandSet, EventSet, MessageSpec};
use crate::movies::{MovieCommand, MovieEvent};
use crate::subjects::Service;
use crate::users::{UserCommand, UserEvent};
use crate::{audit, bookings, halls, movies, operations, showtimes, users};

/// All messages of one service.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Whose.
    pub service: Service,
    /// What it decides.
    pub commands: Vec<MessageSpec>,
    /// What it tells.
    pub events: Vec<MessageSpec>,
    /// What it answers anyone, without what every service answers.
    pub queries: Vec<MessageSpec>,
    /// What it answers other services.
    pub methods: Vec<MessageSpec>,
}

impl Catalogue {
    /// Of this service.
    pub fn of(service: Service) -> Self {
        let (commands, events, queries, methods) = match service {
            Service::Users => (UserCommand::specs(), UserEvent::specs(), users::queries(), users::rpc_methods()),
            Service::Movies => {
                let queries = [movies::queries(), halls::queries(), showtimes::queries()].concat();
                (MovieCommand::specs(), MovieEvent::specs(), queries, showtimes::rpc_methods())
            }
            Service::Bookings => (BookingCommand::specs(), BookingEvent::specs(), bookings::queries(), Vec::new()),
        };
        Self { service, commands, events, queries, methods }
    }
}

/// What every service answers alike.
pub fn common_queries() -> Vec<MessageSpec> {
    vec![operations::spec(), audit::spec()]
}
