//! A chaos run: a seeded workload of every command against a real system while harm is done to it, the history of what
//! clients were told, and a checker that decides by that history alone whether anything was lost or happened twice.
//!
//! [`run`] sets the [`stage`], lets clients do the [`workload`], each by the [`orders`] that it gives as a [`client`]
//! does, and does [`harm`] as [`plan`]ned. What it [`record`]s, and what there is at the [`ending`] when all has
//! [`settled`](settle), is the [`history`], which [`check`] judges.

pub mod check;
pub mod client;
pub mod clock;
pub mod disk;
pub mod ending;
pub mod harm;
pub mod history;
pub mod orders;
pub mod plan;
pub mod proxy;
pub mod record;
pub mod run;
pub mod scripting;
pub mod settle;
pub mod stage;
pub mod summary;
pub mod workload;
pub mod world;
