//! The users service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use runtime::process::{ServiceArgs, exit_code, init_logs};

#[tokio::main]
async fn main() -> ExitCode {
    let args = ServiceArgs::parse();
    init_logs();
    exit_code(users::service().run(args).await)
}
