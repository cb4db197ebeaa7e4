use std::path::PathBuf;

use actix_files::Files;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    middleware::DefaultHeaders,
    web::{self, ServiceConfig},
};
use serde::Serialize;

use super::{parameters::no_query, problem::Problem};

/// What the pages may load: what this service serves, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The console: the files of a directory under `/app`.
pub(super) fn register(config: &mut ServiceConfig, static_dir: &PathBuf) {
    let files = Files::new("/", static_dir).index_file("index.html").use_etag(true).use_last_modified(true);
    let scope = web::scope("/app")
        .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)))
        .service(files);
    config.service(scope);
}

#[derive(Serialize)]
struct Service {
    name: &'static str,
    version: &'static str,
}

/// Sends browsers to the console, and tells programs whom they talk to.
pub(super) async fn root(request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let accept = request.headers().get(header::ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    let wants_page = accept.windows(9).any(|part| part == b"text/html");
    Ok(if wants_page {
        HttpResponse::SeeOther().insert_header((header::LOCATION, "/app/")).finish()
    } else {
        HttpResponse::Ok().json(Service { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") })
    })
}
