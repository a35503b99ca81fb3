//! The launcher behind `script/up`, and the commands that help around it.
//!
//! [`folder`] is the data folder that one launcher owns at a time. [`servers`] makes a private nats-server and a private
//! MariaDB or MySQL in it, [`services`] knows Marquee's own programs; both describe a [`process`], which can be started,
//! waited for, stopped and killed. [`up`] puts them together and keeps them running; [`guard`] ends them when the
//! launcher could not. [`status`] asks it how it is; [`seed`] fills what runs with something to look at and [`dlq`] sends
//! dead letters again, both through [`rest`] with a [`token`]; [`verify`] looks whether all of it is as it must be, and [`bench`] compares it with the monolith. The
//! whole-system tests start their servers and services with the same parts.

pub mod bench;
pub mod dlq;
pub mod folder;
pub mod guard;
pub mod healthcheck;
mod logs;
pub mod pid_file;
pub mod ports;
pub mod probe;
pub mod process;
pub mod rest;
pub mod seed;
pub mod servers;
pub mod services;
pub mod status;
mod timer_slack;
pub mod token;
pub mod up;
pub mod verify;
