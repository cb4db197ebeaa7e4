use std::{collections::BTreeSet, fmt::Write};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
    middleware::DefaultHeaders,
    web::{self, Data, ServiceConfig},
};
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    app::{ListProducts, Ports},
    http::{
        app_state::AppState,
        request::parameters::no_query,
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

/// The OpenAPI document, put together once.
#[derive(Clone, Debug)]
pub(crate) struct OpenApi(pub(crate) Value);

/// Swagger UI styles its elements one by one, and shows its icons as data.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The pages that explain the API, all from the binary.
pub(crate) fn register(config: &mut ServiceConfig) {
    let swagger = Config::new(["/openapi.json"]).validator_url("none").try_it_out_enabled(true);
    let policy = DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY));
    let pages = web::scope("/docs").wrap(policy).service(SwaggerUi::new("/{_:.*}").config(swagger));
    config.service(web::redirect("/docs", "/docs/")).service(pages);
}

/// The document, with the products that can be ordered now.
pub(crate) async fn openapi<P: Ports>(
    app: Data<AppState<P>>,
    document: Data<OpenApi>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let mut document = document.0.clone();
    // While the pricing service is away, the document is right without them.
    if let Ok(products) = ListProducts(app.ports()).execute().await {
        let skus: BTreeSet<&str> = products.iter().map(|product| product.sku.as_str()).collect();
        let schema = document.pointer_mut("/components/schemas/NewItem/properties/sku").and_then(Value::as_object_mut);
        if let Some(schema) = schema.filter(|_| !skus.is_empty()) {
            schema.insert("enum".to_owned(), skus.into_iter().collect());
        }
    }
    Ok(HttpResponse::Ok().json(document))
}

pub(crate) fn openapi_doc() -> Doc {
    let any = serde_json::json!({"openapi": "3.1.0"});
    Doc::new("Service", "openapi", "Read this document").answer::<Document>(200, "The document", &any)
}

/// An OpenAPI 3.1 document.
#[derive(utoipa::ToSchema)]
#[schema(as = OpenApiDocument)]
#[expect(dead_code, reason = "the schema of what `document` writes")]
pub(crate) struct Document {
    openapi: String,
}

/// The page about a kind of problem, which its `type` leads to.
pub(crate) async fn problem(request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let name = request.match_info().get("code").unwrap_or_default();
    let code = Code::ALL.iter().find(|code| code.as_str() == name).ok_or_else(Problem::route_not_found)?;
    Ok(page(code.title(), &entry(*code)))
}

pub(crate) fn problem_doc() -> Doc {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    Doc::new("Service", "problem", "Read about a kind of problem")
        .parameter("path", "code", &serde_json::json!({"enum": codes}), "Which kind")
        .other_answer(200, "A page", Some("text/html"))
        .problems(&[Code::RouteNotFound])
}

/// Every kind of problem on one page.
pub(crate) async fn problems(request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let entries: String = Code::ALL.iter().map(|code| entry(*code)).collect();
    Ok(page("Problems", &entries))
}

pub(crate) fn problems_doc() -> Doc {
    Doc::new("Service", "problems", "Read about every kind of problem").other_answer(200, "A page", Some("text/html"))
}

fn entry(code: Code) -> String {
    let mut html = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        html,
        "<h2><a href=\"/problems/{name}\"><code>{name}</code></a></h2><p>{status}: {title}.</p><p>{advice}</p>",
        name = code.as_str(),
        status = code.status(),
        title = code.title(),
        advice = code.advice(),
    );
    html
}

/// Titles and texts are the program's own: nothing in them needs escaping.
fn page(title: &str, content: &str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><h1>{title}</h1>{content}</body></html>"
    ))
}
