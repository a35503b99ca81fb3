//! The gateway as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use gateway::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    runtime::process::init_logs();
    match gateway::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
