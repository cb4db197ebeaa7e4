use std::{
    future::ready,
    path::{Path, PathBuf},
};

use actix_files::{Files, NamedFile};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    dev::{HttpServiceFactory, RequestHead, ServiceRequest, ServiceResponse, fn_service},
    http::header::{self, ContentType},
    middleware::{DefaultHeaders, from_fn},
    web::scope,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::{
    middleware::pages::respond_like_a_route,
    request::query::NoQuery,
    response::{
        base_path::BasePath,
        problem::{HttpResult, Problem},
    },
    routing::{doc::Doc, endpoint::prefers},
};

/// The pages may load what this service serves, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The console: the files of this directory, below this path. A path that names no file is a view, and the page shows
/// the view of its path, so every view can be bookmarked.
pub(crate) fn files(path: &str, static_dir: &Path, base: &BasePath) -> impl HttpServiceFactory + 'static {
    let index = Index { file: static_dir.join(INDEX), base: base.clone() };
    let view = fn_service(move |request| ready(view(&index, request)));
    let files = Files::new("/", static_dir).path_filter(is_no_index).default_handler(view);
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        // Browsers keep the files and check their entity tags each time: a new release is visible at once.
        .add((header::CACHE_CONTROL, "no-cache"));
    scope(path).wrap(headers).wrap(from_fn(respond_like_a_route)).service(files)
}

const INDEX: &str = "index.html";

/// The page is no file like the others, because it has the base path in it.
fn is_no_index(path: &Path, _: &RequestHead) -> bool {
    !path.as_os_str().is_empty() && path != Path::new(INDEX)
}

/// Files have an extension, views have none.
fn view(index: &Index, request: ServiceRequest) -> Result<ServiceResponse, Error> {
    let last = request.path().rsplit('/').next().unwrap_or_default();
    let is_file = last.contains('.') && last != INDEX;
    if is_file {
        return Err(Problem::route_not_found().into());
    }
    let (request, _) = request.into_parts();
    let response = index.respond(&request)?;
    Ok(ServiceResponse::new(request, response))
}

/// The page of every view.
#[derive(Clone)]
struct Index {
    file: PathBuf,
    base: BasePath,
}

impl Index {
    fn respond(&self, request: &HttpRequest) -> Result<HttpResponse, Error> {
        if self.base.is_empty() {
            Ok(NamedFile::open(&self.file)?.into_response(request))
        } else {
            // The scripts find the base path by their own address.
            let base = self.base.as_str();
            let attributes = [("href=\"/", format!("href=\"{base}/")), ("src=\"/", format!("src=\"{base}/"))];
            let page = std::fs::read_to_string(&self.file)?;
            let page = attributes.iter().fold(page, |page, (from, to)| page.replace(from, to));
            Ok(HttpResponse::Ok().content_type(ContentType::html()).body(page))
        }
    }
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
