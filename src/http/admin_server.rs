use std::{
    future::ready,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Data},
};

use crate::app::Ports;

use super::{
    app_state::AppState,
    middleware::{authorize::Demand, hosts::AllowedHosts, observe::Observer},
    response::{base_path::BasePath, problem::Problem},
    routing::endpoint::endpoint,
    service::{health, metrics},
};

/// The server of metrics and health, which serves until it is stopped.
#[derive(Debug)]
pub struct AdminServer {
    pub address: SocketAddr,
    pub handle: ServerHandle,
}

/// Monitoring asks seldom: one thread serves it.
const WORKERS: usize = 1;

const SHUTDOWN: Duration = Duration::from_secs(1);

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
            .service(
                endpoint::<P>("/health/live")
                    .producing(health::TYPES)
                    .get(Demand::Public, health::live, health::live_doc())
                    .into_resource(),
            )
            .service(
                endpoint::<P>("/health/ready")
                    .producing(health::TYPES)
                    .get(Demand::Public, health::ready::<P>, health::ready_doc())
                    .into_resource(),
            )
            .service(
                endpoint::<P>("/metrics")
                    .producing([mime::TEXT_PLAIN])
                    .get(Demand::Public, metrics::show::<P>, metrics::show_doc())
                    .into_resource(),
            )
            .default_service(web::to(|| ready(Err::<HttpResponse, _>(Problem::route_not_found()))))
    })
    .workers(WORKERS)
    .shutdown_timeout(SHUTDOWN.as_secs())
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(AdminServer { address, handle })
}
