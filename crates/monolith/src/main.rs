//! The monolith as a process.

use std::process::ExitCode;

use clap::Parser;
use monolith::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    runtime::process::init_logs();
    runtime::process::exit_code(monolith::run(args).await)
}
