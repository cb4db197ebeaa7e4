//! The process of the service: parses the settings, runs the command, and prints the error if it fails.

use std::{env, process::ExitCode};

use clap::Parser;
use orders::{
    bootstrap,
    config::{Command, Config},
    healthcheck::healthcheck,
    infra::{flush_logging, launch_private_postgres},
};
use tikv_jemallocator::Jemalloc;

/// What one thread allocates for a request another one often frees: this one takes less time for it than the system's, and no
/// more memory.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// The exit code of `verify` if it cannot check the database.
const NOT_VERIFIED: u8 = 2;

fn main() -> ExitCode {
    // The service starts its own program again to launch its private PostgreSQL.
    launch_private_postgres(env::args_os()).unwrap_or_else(run)
}

/// One thread runs everything that is not a request: the group commit and the batched reads of the store, the follower of
/// the event log, the sinks, the key sweep. The HTTP workers have threads and runtimes of their own, and wait for this one
/// at every write. Nothing here may block: no file or socket without `await`, no lock that is held for long, no loop over
/// much data. Use `tokio::task::spawn_blocking` for such work.
#[tokio::main(flavor = "current_thread")]
async fn run() -> ExitCode {
    let config = Config::parse();
    let (done, cannot) = match config.command {
        None => (bootstrap::run(config).await.map(|()| true), ExitCode::FAILURE),
        Some(Command::Healthcheck) => (healthcheck(config.bind).map(|()| true), ExitCode::FAILURE),
        Some(Command::Verify) => (bootstrap::verify(&config).await, ExitCode::from(NOT_VERIFIED)),
    };
    flush_logging();
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("orders: {error:#}");
            cannot
        }
    }
}
