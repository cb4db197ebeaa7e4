//! The process of the service: parses the settings, runs the command, and prints the error if it fails.

use std::{env, process::ExitCode, sync::mpsc, thread, time::Duration};

use clap::Parser;
use orders::{
    bootstrap,
    config::{Command, Config},
    healthcheck::healthcheck,
    infra::launch_private_postgres,
};
use tokio::runtime::Builder;

/// Threads often free what other threads allocated. jemalloc takes less time for that than the allocator of the system.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The exit code of `verify` if it cannot check the database.
const NOT_VERIFIED: u8 = 2;

/// How long the line about an error may take.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    // The service starts its own program again to launch its private PostgreSQL.
    launch_private_postgres(env::args_os()).unwrap_or_else(run)
}

/// One thread runs everything that is not a request: the group commit and the batched reads of the store, the follower of
/// the event log, the key sweep. The HTTP workers have threads and runtimes of their own, and wait for this one
/// at every write. Nothing here may block: no file or socket without `await`, no lock that is held for long, no loop over
/// much data. Use `tokio::task::spawn_blocking` for such work.
fn run() -> ExitCode {
    let config = Config::parse();
    let cannot = match config.command {
        None | Some(Command::Healthcheck | Command::Keys(_) | Command::Sinks(_) | Command::Rebuild { .. }) => {
            ExitCode::FAILURE
        }
        Some(Command::Verify) => ExitCode::from(NOT_VERIFIED),
    };
    let done = Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from).and_then(|runtime| {
        let done = runtime.block_on(work(config));
        // A thread that waits for a disk or another host does not delay the end of the process.
        runtime.shutdown_background();
        done
    });
    bootstrap::flush_logging();
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            last_words(format!("orders: {error:#}"));
            cannot
        }
    }
}

/// Whether all is well.
async fn work(config: Config) -> anyhow::Result<bool> {
    match config.command.clone() {
        None => bootstrap::run(config).await.map(|()| true),
        Some(Command::Healthcheck) => healthcheck(config.access.admin_bind.unwrap_or(config.bind)).map(|()| true),
        Some(Command::Keys(command)) => bootstrap::keys(&config, command).await.map(|()| true),
        Some(Command::Sinks(command)) => bootstrap::sinks(&config, command).await.map(|()| true),
        Some(Command::Rebuild { model }) => bootstrap::rebuild(&config, model).await.map(|()| true),
        Some(Command::Verify) => bootstrap::verify(&config).await,
    }
}

/// Does not wait for a reader of standard error that stands still.
fn last_words(text: String) {
    let (written, done) = mpsc::channel();
    thread::spawn(move || {
        eprintln!("{text}");
        written.send(())
    });
    let _ = done.recv_timeout(LAST_WORDS_TIMEOUT);
}
