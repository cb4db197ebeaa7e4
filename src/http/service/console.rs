use std::{
    future::ready,
    path::{Path, PathBuf},
};

use actix_files::{Files, NamedFile};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    dev::{HttpServiceFactory, ServiceRequest, ServiceResponse, fn_service},
    http::header,
    middleware::{DefaultHeaders, from_fn},
    web::scope,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::{
    middleware::pages::respond_like_a_route,
    request::query::NoQuery,
    response::problem::{HttpResult, Problem},
    routing::{doc::Doc, endpoint::prefers},
};

/// The pages may load what this service serves, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The console: the files of this directory, below this path. A path that names no file is a view, and the page shows
/// the view of its path, so every view can be bookmarked.
pub(crate) fn files(path: &str, static_dir: &Path) -> impl HttpServiceFactory + 'static {
    let index = static_dir.join("index.html");
    let view = fn_service(move |request| ready(view(index.clone(), request)));
    let files = Files::new("/", static_dir).index_file("index.html").default_handler(view);
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        // Browsers keep the files and check their entity tags each time: a new release is visible at once.
        .add((header::CACHE_CONTROL, "no-cache"));
    scope(path).wrap(headers).wrap(from_fn(respond_like_a_route)).service(files)
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

/// The name and the version of the service.
#[derive(Serialize, ToSchema)]
struct Service {
    name: &'static str,
    version: &'static str,
}

/// Sends browsers to the console, and gives programs the name and the version.
pub(crate) async fn root(request: HttpRequest, _: NoQuery) -> HttpResult {
    let wants_page = prefers(&request, &mime::TEXT_HTML);
    let vary = (header::VARY, "accept");
    Ok(if wants_page {
        HttpResponse::SeeOther().insert_header(vary).insert_header((header::LOCATION, "/app/")).finish()
    } else {
        HttpResponse::Ok()
            .insert_header(vary)
            .json(Service { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") })
    })
}

pub(crate) fn root_doc() -> Doc {
    let example = json!({"name": "orders", "version": env!("CARGO_PKG_VERSION")});
    Doc::new("Service", "root", "Read the name and the version of the service")
        .response::<Service>(200, "Name and version", &example)
        .other_response(303, "The console, for clients that accept text/html", None)
        .response_header(303, "Location", &json!({"type": "string"}), "The path of the console")
}
