use std::{
    future::ready,
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    path::PathBuf,
    rc::Rc,
    thread::available_parallelism,
    time::Duration,
};

use actix_http::{HttpService, KeepAlive, Protocol, error::DispatchError};
use actix_service::{ServiceFactoryExt, map_config};
use actix_web::{
    App, HttpServer,
    dev::{AppConfig, Server, ServerHandle, Service, ServiceResponse, fn_service},
    middleware::Condition,
    rt::net::TcpStream,
    web::Data,
};
use futures_util::{TryFutureExt, future::Either};
use socket2::SockRef;

use crate::app::{Authenticator, Ports};

use super::{
    app_state::AppState,
    connection::{ArrivalLimits, Places, RESERVE, RequestStream, track_responses},
    middleware::{cors, hosts::AllowedHosts, observe::Observer, starting},
    response::base_path::BasePath,
    routes,
    routing::openapi,
    service::docs::OpenApi,
};

/// The address of the server, what it serves, and its limits.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub bind: SocketAddr,
    pub static_dir: PathBuf,
    pub base_path: BasePath,
    /// Pages of these origins may call the API. If the list is empty, no page of another origin may.
    pub cors_origins: Vec<String>,
    /// The host that a request names is one of these.
    pub allowed_hosts: AllowedHosts,
    /// How many connections are open at a time. Further ones can only ask for the health.
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

/// How long a connection that closes within a body takes in the rest of it.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The kernel closes a connection whose other side acknowledges nothing for this long (tcp(7), `TCP_USER_TIMEOUT`).
/// Nothing else notices a stalled client of an event stream: the server only waits until it can write.
fn set_send_timeout(stream: &TcpStream, timeout: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(timeout)) {
        log::debug!("a connection has no send timeout: {error}");
    }
}

/// Listens at once. Port 0 takes a free port.
pub fn serve<P: Ports>(app: AppState<P>, settings: HttpSettings) -> io::Result<Serving> {
    let listener = TcpListener::bind(settings.bind)?;
    let address = listener.local_addr()?;
    let is_open = app.ports().access().anonymous().is_some();
    let (limits, app) = (app.limits(), Data::new(app));
    let document = Data::new(OpenApi(openapi::document(&routes::endpoints::<P>(), &settings.base_path, is_open)));
    let workers = available_parallelism().map_or(1, NonZeroUsize::get);
    let arrival = ArrivalLimits { idle: settings.keep_alive, head: settings.head_timeout, body: settings.head_timeout };
    let places = Places::new(settings.max_connections);
    let HttpSettings { static_dir, base_path, cors_origins, send_timeout, allowed_hosts, .. } = settings;
    let builder = Server::build()
        .workers(workers)
        // `Places` counts them.
        .max_concurrent_connections(settings.max_connections + RESERVE)
        .shutdown_timeout(settings.drain_timeout.as_secs())
        // `bootstrap` handles the signals.
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let serve_connections = move || {
        let observer = Observer { app: app.clone(), base: base_path.clone(), hosts: allowed_hosts.clone() };
        let observer = Rc::new(observer);
        let app = App::new()
            .app_data(app.clone())
            .app_data(document.clone())
            .app_data(limits)
            .app_data(Data::new(base_path.clone()))
            .wrap_fn({
                let app = app.clone();
                move |request, next| match starting::refusal(&app, &request) {
                    Some(problem) => Either::Left(ready(Ok(request.error_response(problem).map_into_right_body()))),
                    None => Either::Right(next.call(request).map_ok(ServiceResponse::map_into_left_body)),
                }
            })
            .wrap(Condition::new(!cors_origins.is_empty(), cors::allow(&cors_origins)))
            .wrap_fn(move |request, next| observer.clone().observe(request, next))
            .configure(|config| routes::configure::<P>(config, &static_dir, &base_path));
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            // `RequestStream` limits the time.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .local_addr(address)
            .on_connect_ext(|stream: &RequestStream, data| {
                data.insert(stream.connection().clone());
            })
            .finish(track_responses(map_config(app, |()| AppConfig::default())));
        let places = places.clone();
        fn_service(move |stream: TcpStream| {
            let place = places.take();
            async move {
                let no_place = || io::Error::new(io::ErrorKind::ConnectionRefused, "too many connections are open");
                let place = place.ok_or_else(no_place).map_err(DispatchError::Io)?;
                set_send_timeout(&stream, send_timeout);
                let peer = stream.peer_addr().ok();
                Ok::<_, DispatchError>((RequestStream::new(stream, arrival, place), Protocol::Http1, peer))
            }
        })
        .and_then(http)
    };
    let server = builder.listen("orders", listener, serve_connections)?.run();
    Ok(Serving { address, handle: server.handle(), server: RunningServer(server) })
}

/// The server of metrics and health, which serves until it is stopped.
#[derive(Debug)]
pub struct AdminServer {
    pub address: SocketAddr,
    pub handle: ServerHandle,
}

/// Monitoring asks seldom: one thread serves it.
const ADMIN_WORKERS: usize = 1;

const ADMIN_SHUTDOWN: Duration = Duration::from_secs(1);

/// Serves metrics and health without credentials, at once. Port 0 takes a free port.
pub fn serve_admin<P: Ports>(app: AppState<P>, bind: SocketAddr) -> io::Result<AdminServer> {
    let listener = TcpListener::bind(bind)?;
    let address = listener.local_addr()?;
    let (limits, app) = (app.limits(), Data::new(app));
    let base = BasePath::new("");
    let server = HttpServer::new(move || {
        let hosts = AllowedHosts::any();
        let observer = Rc::new(Observer { app: app.clone(), base: base.clone(), hosts });
        App::new()
            .app_data(app.clone())
            .app_data(limits)
            .app_data(Data::new(base.clone()))
            .wrap_fn(move |request, next| observer.clone().observe(request, next))
            .configure(routes::configure_admin::<P>)
    })
    .workers(ADMIN_WORKERS)
    .shutdown_timeout(ADMIN_SHUTDOWN.as_secs())
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(AdminServer { address, handle })
}
