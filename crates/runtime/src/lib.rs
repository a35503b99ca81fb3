//! NATS and MySQL mechanics of event-driven CQRS services, written once; not one cinema word in it.
//!
//! The way of a command: [`client`] publishes it ([`publisher`] gathers what goes together), [`commands`] takes what is
//! heard, [`early`], or what comes from the stream ([`intake`] reads it), a [`batch`] at a time. [`decide`] writes
//! everything that follows in one transaction ([`journal`], [`outcomes`], [`claims`]; states come from the [`cache`]), mostly
//! [`ahead`] of its lock, with what other services say who were asked meanwhile ([`asking`]), and few commands as one
//! [`script`]; [`relay`] copies the journal to the event stream, mostly from what the [`handover`] still has of it.
//!
//! The way of an event: a [`follower`] reads the stream ([`events`]), or the own journal and what is handed over
//! ([`source`]), from a checkpoint, for a [`projector`] that keeps read tables or for [`reactions`] that give further commands. The way of a
//! question: [`endpoints`] answers it from read tables, from [`committed`] state, which mostly is kept under a [`lease`], or, who did
//! what, from the journal itself ([`audit`]).
//!
//! What is erased from the tables goes from the dead letters as well ([`erasure`]); the others are read, sent again or
//! dropped by hand ([`letters`]).
//!
//! [`health`] tells whether all of that is well, [`figures`] counts it, `monitor` measures who lags, `pruning` removes
//! what nobody can ask for any more, `migrations` brings tables up to date at the start. Whether all of that is as it
//! must be, an audit asks from outside ([`inspection`]); a past that nobody decided is written from outside, too
//! ([`history`]). `stranded` finds commands that the broker keeps to itself.
//!
//! What is asked of MySQL again and again is [`prepared`] once. How much may be under way at a time, [`room`] says;
//! `waiting` remembers who waits for which command.
//!
//! [`broker`] signs in, [`process`] is what every program begins and ends with.
//!
//! A service says what it decides ([`domain::Domain`]) and is put together with [`service::Service`].

pub mod broker;
pub mod claims;
pub mod client;
pub mod committed;
pub mod database;
pub mod domain;
pub mod erasure;
pub mod events;
pub mod figures;
pub mod health;
pub mod history;
pub mod inspection;
pub mod letters;
pub mod live;
pub mod prepared;
pub mod process;
mod progress;
pub mod projector;
pub mod reactions;
pub mod room;
pub mod service;

mod ahead;
mod asking;
mod audit;
mod batch;
mod cache;
mod cloud_events;
mod commands;
mod dead_letters;
mod decide;
mod early;
mod endpoints;
mod follower;
mod handover;
mod headers;
mod intake;
mod journal;
mod lease;
mod migrations;
mod monitor;
mod outcomes;
mod pruning;
mod publisher;
mod relay;
mod schema;
mod script;
mod source;
mod stranded;
mod streams;
mod waiting;
