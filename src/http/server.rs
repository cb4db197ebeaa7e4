use std::{io, net::SocketAddr, net::TcpListener, path::PathBuf, time::Duration};

use actix_web::{
    App as ActixApp, HttpServer,
    dev::{Server, ServerHandle},
    middleware::from_fn,
    web::Data,
};

use crate::app::Ports;

use super::{app::App, observe::observe, routes};

/// How the server listens, and its bounds.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub bind: SocketAddr,
    pub static_dir: PathBuf,
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

/// Listens at once; port 0 takes a free one.
pub fn serve<P: Ports>(app: App<P>, settings: HttpSettings) -> io::Result<Serving> {
    let listener = TcpListener::bind(settings.bind)?;
    let address = listener.local_addr()?;
    let app = Data::new(app);
    let static_dir = settings.static_dir;
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(app.clone())
            .wrap(from_fn(observe::<P>))
            .configure(|config| routes::configure::<P>(config, &static_dir))
    })
    .shutdown_timeout(settings.drain_timeout.as_secs())
    // `main` decides what a signal means.
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(Serving { address, handle: server.handle(), server: RunningServer(server) })
}
