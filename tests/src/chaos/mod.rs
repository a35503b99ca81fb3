//! A chaos run: a seeded workload of every command against a real system while harm is done to it, the history of what
//! clients were told, and a checker that decides by that history alone whether anything was lost or happened twice.

pub mod clock;
pub mod disk;
pub mod history;
pub mod plan;
pub mod proxy;
pub mod record;
