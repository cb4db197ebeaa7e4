//! A network between a store and PostgreSQL that falls silent, and loses the connections of that time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use orders::infra::connect_options;
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};

use super::Database;

pub(crate) struct Network {
    pub(crate) port: u16,
    database: String,
    /// How often it fell silent or came back. It is silent while the number is odd.
    changes: watch::Sender<usize>,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Network {
    pub(crate) async fn to(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = database.options.get_socket().unwrap().join(".s.PGSQL.5432");
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
        Self { port, database: database.name.clone(), changes, connections, accepting }
    }

    /// The way to the database through this network.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, self.database)
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        connect_options(&self.url()).unwrap()
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
