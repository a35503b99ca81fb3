//! The command-line program.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use marquee::guard::Afterwards;
use marquee::{bench, dlq, guard, healthcheck, seed, status, token, up, verify};

/// Sells cinema seats: commands and events on NATS, a MySQL store per service
#[derive(Parser)]
#[command(name = "marquee", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything: private servers, the services and the gateway. Ctrl-C ends it, the data stays
    Up(up::Args),
    /// Fills what runs with films, halls, showtimes, users and bookings to look at; a second run changes nothing
    Seed(seed::Args),
    /// Prints a token for REST, for whoever owns the data folder's machine
    Token(token::Args),
    /// Dead letters, commands that could not be read or failed again and again: looks at them, sends them again
    Dlq(dlq::Args),
    /// Shows how everything is that runs: ready or why not, rates, lags, dead letters. Fails when something isn't ready
    Status(status::Args),
    /// Looks whether all that runs is as it must be, and changes nothing: journals, event streams, read tables, seats,
    /// outcomes, reactions. Ends with 0 when it is, 1 when something differs, 2 when it could not look
    Verify(verify::Args),
    /// Compares Marquee with a monolith: the same cinema as one program on one database. Starts both on fresh servers
    Bench(bench::Args),
    /// The load generator of `bench`: a plan comes in on standard input, what was measured goes out
    #[command(hide = true)]
    BenchLoad,
    /// Answers every GET with the same JSON: what HTTP alone costs
    #[command(hide = true)]
    BenchBare(bench::bare::Args),
    /// Succeeds when a GET of the URL answers 200: for a container's health check
    Healthcheck {
        /// Such as http://127.0.0.1:8081/readyz
        url: String,
    },
    /// Waits for its standard input to end, then ends what still runs in a data folder; `up` starts one for itself
    #[command(hide = true)]
    Guard {
        /// Remove the data folder afterwards
        #[arg(long)]
        remove: bool,
        /// The data folder
        folder: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Up(args) => up::run(args).await,
        Command::Seed(args) => seed::run(args).await,
        Command::Token(args) => token::run(&args),
        Command::Dlq(args) => dlq::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Verify(args) => return verify::run(args).await,
        Command::Bench(args) => bench::run(args).await,
        Command::BenchLoad => match tokio::task::spawn_blocking(bench::load::run).await {
            Ok(done) => done,
            Err(error) => Err(error.into()),
        },
        Command::BenchBare(args) => bench::bare::run(args).await,
        Command::Healthcheck { url } => healthcheck::run(&url).await,
        Command::Guard { folder, remove } => {
            guard::run(&folder, if remove { Afterwards::Remove } else { Afterwards::Keep }).await
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("marquee: {error:#}");
            ExitCode::FAILURE
        }
    }
}
