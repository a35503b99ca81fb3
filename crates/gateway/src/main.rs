//! The gateway as a process of its own.

use clap::Parser;
use gateway::Args;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    runtime::process::init_logs();
    gateway::run(args).await
}
