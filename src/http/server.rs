use std::{
    any::Any,
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    path::PathBuf,
    thread::available_parallelism,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    middleware::{Condition, from_fn},
    rt::net::TcpStream,
    web::Data,
};

use socket2::SockRef;

use crate::app::Ports;

use super::{
    app_state::AppState,
    middleware::{cors, observe::observe},
    routes,
    routing::openapi,
    service::docs::OpenApi,
};

/// How the server listens, and its bounds.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub bind: SocketAddr,
    pub static_dir: PathBuf,
    /// Pages of these origins may call the API; none may where the list is empty.
    pub cors_origins: Vec<String>,
    /// How many connections are served at a time; further ones wait.
    pub max_connections: usize,
    /// How long a connection may be idle between two requests.
    pub keep_alive: Duration,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long a client may leave what was sent to it unread before it is disconnected.
    pub send_timeout: Duration,
    /// How long a shutdown waits for requests that were accepted.
    pub drain_timeout: Duration,
}

/// A server that listens. It serves while the `server` future is polled.
#[derive(Debug)]
pub struct Serving {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    pub server: RunningServer,
}

/// Resolves when the server has stopped.
pub struct RunningServer(Server);

impl std::fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunningServer")
    }
}

impl IntoFuture for RunningServer {
    type Output = io::Result<()>;
    type IntoFuture = Server;

    fn into_future(self) -> Server {
        self.0
    }
}

/// The kernel ends a connection whose other side takes nothing for so long (tcp(7), `TCP_USER_TIMEOUT`): nobody else would
/// notice while there is nothing to do but wait.
fn bound_unread(connection: &dyn Any, timeout: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(timeout))
    {
        log::debug!("a connection is without a bound on what is unread: {error}");
    }
}

/// Listens at once; port 0 takes a free one.
pub fn serve<P: Ports>(app: AppState<P>, settings: HttpSettings) -> io::Result<Serving> {
    let listener = TcpListener::bind(settings.bind)?;
    let address = listener.local_addr()?;
    let app = Data::new(app);
    let document = Data::new(OpenApi(openapi::document(&routes::endpoints::<P>())));
    let workers = available_parallelism().map_or(1, NonZeroUsize::get);
    let HttpSettings { static_dir, cors_origins, .. } = settings;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(app.clone())
            .app_data(document.clone())
            .wrap(Condition::new(!cors_origins.is_empty(), cors::allow(&cors_origins)))
            .wrap(from_fn(observe::<P>))
            .configure(|config| routes::configure::<P>(config, &static_dir))
    })
    .workers(workers)
    .max_connections(settings.max_connections.div_ceil(workers))
    .keep_alive(settings.keep_alive)
    .client_request_timeout(settings.head_timeout)
    .shutdown_timeout(settings.drain_timeout.as_secs())
    // `main` decides what a signal means.
    .disable_signals()
    .on_connect(move |connection, _| bound_unread(connection, settings.send_timeout))
    .listen(listener)?
    .run();
    Ok(Serving { address, handle: server.handle(), server: RunningServer(server) })
}
