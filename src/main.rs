//! The service's process: parses the settings, runs, and says why when it cannot.

use std::process::ExitCode;

use clap::Parser;
use orders::{bootstrap, config::Config};

#[tokio::main]
async fn main() -> ExitCode {
    match bootstrap::run(Config::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orders: {error:#}");
            ExitCode::FAILURE
        }
    }
}
