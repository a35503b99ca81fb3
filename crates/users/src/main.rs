//! The users service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use runtime::process::{ServiceArgs, init_logs, run_service};

fn main() -> ExitCode {
    let args = ServiceArgs::parse();
    init_logs();
    run_service(users::service().run(args))
}
