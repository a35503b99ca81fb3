//! What travels between Marquee's parts and to its users: ids, commands, events, queries, replies, problems, and the
//! subjects they travel on. Types and their rules of form only; no I/O.
//!
//! Each service's module is a list of what it can be asked ([`message::Command`], [`message::Query`]) and what it
//! tells ([`message::EventSet`]). What is read from JSON has been checked: a [`layout::Layout`] is a possible hall, a
//! [`text::Email`] looks like one. JSON Schemas and the OpenAPI document are made from these types.

pub mod access;
pub mod actor;
pub mod as_of;
pub mod audit;
pub mod bookings;
pub mod catalogue;
pub mod envelope;
pub mod halls;
pub mod ids;
pub mod layout;
mod lists;
pub mod message;
pub mod money;
pub mod movies;
pub mod operations;
pub mod page;
pub mod positions;
pub mod problem;
pub mod seat;
pub mod showtimes;
pub mod subjects;
pub mod text;
pub mod users;

pub use actor::{Actor, Role, Roles};
pub use as_of::AsOf;
pub use message::{Command, CommandSet, EventSet, Outcome, OutcomeStatus, Query};
pub use positions::Positions;
pub use problem::{Case, FieldError, Problem};
pub use subjects::Service;
