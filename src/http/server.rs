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

/// The address of the server, what it serves, and its limits.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub bind: SocketAddr,
    pub static_dir: PathBuf,
    /// Pages of these origins may call the API. If the list is empty, no page of another origin may.
    pub cors_origins: Vec<String>,
    /// How many connections are open at a time. Further ones wait.
    pub max_connections: usize,
    /// How long a connection may be idle between two requests.
    pub keep_alive: Duration,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long a client may leave sent bytes unread before the kernel closes its connection.
    pub send_timeout: Duration,
    /// How long a shutdown waits for the requests in progress.
    pub drain_timeout: Duration,
}

/// A server that listens already. It serves while `server` is polled.
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

/// The kernel closes a connection whose other side acknowledges nothing for this long (tcp(7), `TCP_USER_TIMEOUT`).
/// Nothing else notices a stalled client of an event stream: the server only waits until it can write.
fn set_send_timeout(connection: &dyn Any, timeout: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(timeout))
    {
        log::debug!("a connection has no send timeout: {error}");
    }
}

/// Listens at once. Port 0 takes a free port.
pub fn serve<P: Ports>(app: AppState<P>, settings: HttpSettings) -> io::Result<Serving> {
    let listener = TcpListener::bind(settings.bind)?;
    let address = listener.local_addr()?;
    let (limits, app) = (app.limits(), Data::new(app));
    let document = Data::new(OpenApi(openapi::document(&routes::endpoints::<P>())));
    let workers = available_parallelism().map_or(1, NonZeroUsize::get);
    let HttpSettings { static_dir, cors_origins, .. } = settings;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(app.clone())
            .app_data(document.clone())
            .app_data(limits)
            .wrap(Condition::new(!cors_origins.is_empty(), cors::allow(&cors_origins)))
            .wrap(from_fn(observe::<P>))
            .configure(|config| routes::configure::<P>(config, &static_dir))
    })
    .workers(workers)
    .max_connections(settings.max_connections.div_ceil(workers))
    .keep_alive(settings.keep_alive)
    .client_request_timeout(settings.head_timeout)
    .shutdown_timeout(settings.drain_timeout.as_secs())
    // `bootstrap` handles the signals.
    .disable_signals()
    .on_connect(move |connection, _| set_send_timeout(connection, settings.send_timeout))
    .listen(listener)?
    .run();
    Ok(Serving { address, handle: server.handle(), server: RunningServer(server) })
}
