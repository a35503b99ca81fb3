//! The movies service as a process of its own.

use clap::Parser;
use runtime::process::{ServiceArgs, init_logs};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = ServiceArgs::parse();
    init_logs();
    movies::service().run(args).await
}
