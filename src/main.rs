//! The service's process: parses the settings, does what they say, and tells why when it cannot.

use std::{env, process::ExitCode};

use clap::Parser;
use orders::{
    bootstrap,
    config::{Command, Config},
    healthcheck::healthcheck,
    infra::{flush_log, launch_private_postgres},
};
use tikv_jemallocator::Jemalloc;

/// What one thread allocates for a request another one often frees: this one takes less time for it than the system's, and no
/// more memory.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Nothing can be said about the database.
const NOT_VERIFIED: u8 = 2;

fn main() -> ExitCode {
    // The service starts its own program again for its private PostgreSQL.
    launch_private_postgres(env::args_os()).unwrap_or_else(run)
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> ExitCode {
    let config = Config::parse();
    let (done, cannot) = match config.command {
        None => (bootstrap::run(config).await.map(|()| true), ExitCode::FAILURE),
        Some(Command::Healthcheck) => (healthcheck(config.bind).map(|()| true), ExitCode::FAILURE),
        Some(Command::Verify) => (bootstrap::verify(&config).await, ExitCode::from(NOT_VERIFIED)),
    };
    flush_log();
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("orders: {error:#}");
            cannot
        }
    }
}
