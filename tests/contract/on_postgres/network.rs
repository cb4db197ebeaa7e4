//! A network between a store and PostgreSQL that falls silent, and loses the connections of that time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};

use crate::support::Database;

pub(crate) struct Network {
    dir: TempDir,
    /// How often it fell silent or came back. It is silent while the number is odd.
    changes: watch::Sender<usize>,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

const SOCKET: &str = ".s.PGSQL.5432";

impl Network {
    pub(crate) fn to(database: &Database) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let server = database.options.get_socket().unwrap().join(SOCKET);
        let changes = watch::Sender::new(0);
        let connections = Arc::<AtomicUsize>::default();
        let (seen, counted) = (changes.subscribe(), connections.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (server, mut seen) = (server.clone(), seen.clone());
                let begun = *seen.borrow();
                tokio::spawn(async move {
                    let mut server = UnixStream::connect(server).await.unwrap();
                    tokio::select! {
                        biased;
                        _ = seen.wait_for(|now| *now > begun || begun % 2 == 1) => {}
                        _ = copy_bidirectional(&mut client, &mut server) => return,
                    }
                    // Both sides stay open: the peer has vanished.
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { dir, changes, connections, accepting }
    }

    /// The way through this network.
    pub(crate) fn options(&self, database: &Database) -> PgConnectOptions {
        database.options.clone().socket(self.dir.path())
    }

    /// From now on no connection gets an answer, not even a new one.
    pub(crate) fn fall_silent(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// New connections work again. Those of before stay silent and open.
    pub(crate) fn come_back(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
