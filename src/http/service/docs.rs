use std::{collections::BTreeSet, fmt::Write};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::HttpServiceFactory,
    http::header::{self, ContentType},
    middleware::{DefaultHeaders, from_fn},
    web::{Data, scope},
};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    app::{ListProducts, NewItem, Ports},
    http::{
        app_state::AppState,
        middleware::pages::respond_like_a_route,
        request::{fields::Body, query::NoQuery},
        response::{
            base_path::BasePath,
            code::Code,
            problem::{HttpResult, Problem},
        },
        routing::doc::Doc,
    },
};

/// The OpenAPI document, assembled once.
#[derive(Clone, Debug)]
pub(crate) struct OpenApi(pub(crate) Value);

impl ToSchema for OpenApi {
    fn name() -> std::borrow::Cow<'static, str> {
        "OpenApiDocument".into()
    }
}

impl PartialSchema for OpenApi {
    fn schema() -> RefOr<Schema> {
        let version = ObjectBuilder::new().schema_type(Type::String);
        let document = ObjectBuilder::new().property("openapi", version).required("openapi");
        document.description(Some("An OpenAPI 3.1 document.")).into()
    }
}

/// The document, with the SKUs that can be ordered now.
pub(crate) async fn openapi<P: Ports>(app: Data<AppState<P>>, document: Data<OpenApi>, _: NoQuery) -> HttpResult {
    let mut document = document.0.clone();
    // The SKUs are a help to the reader: while the pricing service does not answer, the document is correct without them.
    if let Ok(products) = ListProducts(app.ports()).execute().await {
        let skus: BTreeSet<&str> = products.iter().map(|product| product.sku.as_str()).collect();
        let place = format!("/components/schemas/{}/properties/sku", NewItem::NAME);
        let schema = document.pointer_mut(&place).and_then(Value::as_object_mut);
        if let Some(schema) = schema.filter(|_| !skus.is_empty()) {
            // A client that was generated from the document can order a product that is added later.
            schema.insert("examples".to_owned(), skus.into_iter().collect());
        }
    }
    Ok(HttpResponse::Ok().json(document))
}

pub(crate) fn openapi_doc() -> Doc {
    let example = json!({"openapi": "3.1.0"});
    Doc::new("Service", "openapi", "Read this document").response::<OpenApi>(200, "The document", &example)
}

/// Swagger UI sets styles on its elements, and its icons are `data:` URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Swagger UI below this path, all of it from the binary.
pub(crate) fn swagger_ui(path: &str, base: &BasePath) -> impl HttpServiceFactory + 'static {
    let config =
        Config::new([format!("{}/openapi.json", base.as_str())]).validator_url("none").try_it_out_enabled(true);
    let policy = DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY));
    scope(path).wrap(policy).wrap(from_fn(respond_like_a_route)).service(SwaggerUi::new("/{_:.*}").config(config))
}

/// The page about one kind of problem. The `type` of a problem is its path.
pub(crate) async fn problem(base: Data<BasePath>, request: HttpRequest, _: NoQuery) -> HttpResult {
    let name = request.match_info().get("code").unwrap_or_default();
    let code = Code::ALL.iter().find(|code| code.as_str() == name).ok_or_else(Problem::route_not_found)?;
    Ok(page(code.title(), &entry(&base, *code)))
}

pub(crate) fn problem_doc() -> Doc {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    Doc::new("Service", "problem", "Read about one kind of problem")
        .path("code", &json!({"enum": codes}), "The code of the problem")
        .other_response(200, "A page", Some("text/html"))
        .problems(&[Code::RouteNotFound])
}

/// Every kind of problem on one page.
pub(crate) async fn problems(base: Data<BasePath>, _: NoQuery) -> HttpResult {
    let entries: String = Code::ALL.iter().map(|code| entry(&base, *code)).collect();
    Ok(page("Problems", &entries))
}

pub(crate) fn problems_doc() -> Doc {
    Doc::new("Service", "problems", "Read about every kind of problem").other_response(200, "A page", Some("text/html"))
}

fn entry(base: &BasePath, code: Code) -> String {
    let mut html = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        html,
        "<h2><a href=\"{base}/problems/{name}\"><code>{name}</code></a></h2><p>{status}: {title}.</p><p>{advice}</p>",
        base = base.as_str(),
        name = code.as_str(),
        status = code.status(),
        title = code.title(),
        advice = code.advice(),
    );
    html
}

/// Titles and texts are constants of the program: none of them needs escaping.
fn page(title: &str, content: &str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><h1>{title}</h1>{content}</body></html>"
    ))
}
