use std::{
    io,
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    runtime::default_runtime,
    tcp::OwnedTLSConfig,
    uri::{AMQPScheme, AMQPUri},
};
use tokio::{
    net::lookup_host,
    runtime::Handle,
    time::{sleep, timeout},
};

/// How long the socket and TLS may take. The relay waits as long for the whole connection.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long lapin may take to close a connection in agreement with the broker.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Ends the connection when it is dropped.
///
/// lapin closes a connection by a message, and waits for the answer. Where the broker is silent or has blocked the
/// connection, it would keep the socket, a thread and megabytes of buffers, for each attempt of the relay.
#[derive(Debug)]
pub(super) struct HangUp(Arc<Mutex<Socket>>);

#[derive(Debug)]
enum Socket {
    Connecting,
    Open(TcpStream),
    HungUp,
}

/// A connection, and what ends it. An attempt that is dropped leaves no connection behind.
pub(super) async fn connect(
    uri: AMQPUri,
    authorities: Option<String>,
    properties: ConnectionProperties,
) -> lapin::Result<(Connection, HangUp)> {
    let socket = Arc::new(Mutex::new(Socket::Connecting));
    let hang_up = HangUp(socket.clone());
    let tls = OwnedTLSConfig { identity: None, cert_chain: authorities };
    // Inside the call, where the type of the stream is known.
    let connecting = Connection::connector(
        uri,
        default_runtime()?,
        async move |uri, runtime| {
            let dial = async {
                let host = uri.authority.host.as_str();
                let mut error = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
                for address in lookup_host((host, uri.authority.port)).await? {
                    match AsyncTcpStream::connect(&runtime, address).await {
                        Ok(stream) => {
                            if let AsyncTcpStream::Plain(stream) = &stream {
                                opened(&socket, stream.get_ref().as_fd().try_clone_to_owned()?.into());
                            }
                            return match uri.scheme {
                                AMQPScheme::AMQP => Ok(stream),
                                AMQPScheme::AMQPS => stream.into_tls(host, tls.as_ref()).await,
                            };
                        }
                        Err(refused) => error = refused,
                    }
                }
                Err(error)
            };
            let no_answer = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {TIMEOUT:?}"));
            Ok(timeout(TIMEOUT, dial).await.map_err(|_| no_answer())??)
        },
        properties,
    );
    Ok((connecting.await?, hang_up))
}

/// The socket is closed at once if nobody waits for it any more.
fn opened(socket: &Mutex<Socket>, stream: TcpStream) {
    let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
    match &*socket {
        Socket::HungUp => shut_down(&stream),
        Socket::Connecting | Socket::Open(_) => *socket = Socket::Open(stream),
    }
}

fn hang_up(socket: &Mutex<Socket>) {
    let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
    if let Socket::Open(stream) = std::mem::replace(&mut *socket, Socket::HungUp) {
        shut_down(&stream);
    }
}

fn shut_down(stream: &TcpStream) {
    // It fails if the connection has ended already.
    let _ = stream.shutdown(Shutdown::Both);
}

impl Drop for HangUp {
    fn drop(&mut self) {
        let socket = self.0.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                sleep(CLOSE_TIMEOUT).await;
                hang_up(&socket);
            })),
            Err(_) => hang_up(&socket),
        }
    }
}
