use std::{
    future::ready,
    path::{Path, PathBuf},
};

use actix_files::{Files, NamedFile};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    dev::{ServiceRequest, ServiceResponse, fn_service},
    http::header,
    middleware::DefaultHeaders,
    web::{self, ServiceConfig},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::{
    request::parameters::no_query,
    response::problem::Problem,
    routing::{endpoint::prefers, openapi::Doc},
};

/// What the pages may load: what this service serves, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The console: the files of a directory under `/app`. A path that is not a file's is a view of the console, which
/// the page finds by itself: so every view can be bookmarked.
pub(crate) fn register(config: &mut ServiceConfig, static_dir: &Path) {
    let index = static_dir.join("index.html");
    let view = fn_service(move |request| ready(view(index.clone(), request)));
    let files = Files::new("/", static_dir).index_file("index.html").default_handler(view);
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        // Kept, and asked for by its tag each time: a new release shows at once.
        .add((header::CACHE_CONTROL, "no-cache"));
    config.service(web::scope("/app").wrap(headers).service(files));
}

/// Files have an extension, views have none.
fn view(index: PathBuf, request: ServiceRequest) -> Result<ServiceResponse, Error> {
    let is_file = request.path().rsplit('/').next().is_some_and(|last| last.contains('.'));
    if is_file {
        return Err(Problem::route_not_found().into());
    }
    let (request, _) = request.into_parts();
    let response = NamedFile::open(index)?.into_response(&request);
    Ok(ServiceResponse::new(request, response))
}

/// What this is.
#[derive(Serialize, ToSchema)]
struct Service {
    name: &'static str,
    version: &'static str,
}

/// Sends browsers to the console, and tells programs whom they talk to.
pub(crate) async fn root(request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let wants_page = prefers(&request, &mime::TEXT_HTML);
    Ok(if wants_page {
        HttpResponse::SeeOther().insert_header((header::LOCATION, "/app/")).finish()
    } else {
        HttpResponse::Ok().json(Service { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") })
    })
}

pub(crate) fn root_doc() -> Doc {
    let example = json!({"name": "orders", "version": env!("CARGO_PKG_VERSION")});
    Doc::new("Service", "root", "Tell what this is")
        .answer::<Service>(200, "Name and version", &example)
        .other_answer(303, "Where browsers find the console, when they accept text/html", None)
        .header(303, "Location", &json!({"type": "string"}), "The path of the console")
}
