//! What is answered under each path.

pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod bookings;
pub(crate) mod dead_letters;
pub(crate) mod events;
pub(crate) mod exports;
pub(crate) mod halls;
pub(crate) mod movies;
pub(crate) mod operations;
pub(crate) mod sessions;
pub(crate) mod showtimes;
pub(crate) mod tutorial;
pub(crate) mod users;
