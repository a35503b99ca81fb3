//! The gateway as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use gateway::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    runtime::process::init_logs();
    runtime::process::exit_code(gateway::run(args).await)
}
