//! The harness of the whole-system tests: real servers and the real programs, private to a test or shared by those of
//! one file.
//!
//! Most tests share a cinema, which costs a few seconds once per file, and make what they need for themselves:
//!
//! ```no_run
//! use system_tests::on_shared_cinema;
//!
//! #[test]
//! fn a_seat_can_be_booked() {
//!     on_shared_cinema(async |cinema| {
//!         let (user, showtime) = (cinema.user().await, cinema.showtime().await);
//!         cinema.book(&user, &showtime, &["A1"]).await.expect(201);
//!     });
//! }
//! ```
//!
//! A test that kills, wipes or restarts something starts a [`Cinema`] of its own, in `#[tokio::test]`.

mod api;
mod bare_nats;
mod broker;
pub mod chaos;
mod cinema;
mod eventually;
pub mod figures;
pub mod launcher;
mod listening;
mod monolith;
pub mod nasty;
mod property;
mod raw;
pub mod samples;
mod shared;
mod traces;

pub use api::{Answer, Api};
pub use bare_nats::BareNats;
pub use broker::{Broker, Event};
pub use cinema::Cinema;
pub use eventually::eventually;
pub use listening::{Block, Listening};
pub use marquee::servers::NatsUser;
pub use monolith::Monolith;
pub use property::holds_for;
pub use raw::Raw;
pub use shared::on_shared_cinema;
