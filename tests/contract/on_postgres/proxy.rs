//! Between a store and PostgreSQL: withholds the answer to a statement.

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use crate::support::Database;

/// Passes on what a store and the server send. From the chosen statement on, the store gets no answer before `release`.
pub(crate) struct Proxy {
    dir: TempDir,
    withheld: Arc<watch::Sender<bool>>,
    accepting: JoinHandle<()>,
}

const SOCKET: &str = ".s.PGSQL.5432";

impl Proxy {
    /// Withholds the answer to the first statement that contains this text, and every later one.
    pub(crate) fn withholding(statement: &'static str, database: &Database) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let server = database.options.get_socket().unwrap().join(SOCKET);
        let withheld = Arc::new(watch::Sender::new(false));
        let accepting = tokio::spawn({
            let withheld = withheld.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let server = UnixStream::connect(&server).await.unwrap();
                    let ((from_client, to_client), (from_server, to_server)) =
                        (client.into_split(), server.into_split());
                    tokio::spawn(pass_statements_on(statement, from_client, to_server, withheld.clone()));
                    tokio::spawn(pass_answers_on(from_server, to_client, withheld.subscribe()));
                }
            }
        });
        Self { dir, withheld, accepting }
    }

    /// The way through this proxy.
    pub(crate) fn options(&self, database: &Database) -> PgConnectOptions {
        database.options.clone().socket(self.dir.path())
    }

    /// Waits until the server has the statement, and a client waits for its answer.
    pub(crate) async fn withheld(&self) {
        self.withheld.subscribe().wait_for(|withheld| *withheld).await.unwrap();
    }

    /// Ends the proxy's interference.
    pub(crate) fn release(&self) {
        self.withheld.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_statements_on(
    statement: &str,
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    withheld: Arc<watch::Sender<bool>>,
) {
    let mut buffer = vec![0; 8192];
    let mut seen = false;
    while let Ok(read @ 1..) = client.read(&mut buffer).await {
        if !seen && buffer[..read].windows(statement.len()).any(|window| window == statement.as_bytes()) {
            seen = true;
            withheld.send_replace(true);
        }
        if server.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn pass_answers_on(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, mut withheld: watch::Receiver<bool>) {
    let mut buffer = vec![0; 8192];
    while let Ok(read @ 1..) = server.read(&mut buffer).await {
        if withheld.wait_for(|withheld| !withheld).await.is_err() || client.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
