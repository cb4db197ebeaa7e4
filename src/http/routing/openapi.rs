//! The OpenAPI 3.1 document, assembled from the documentation of each route.
#![expect(clippy::indexing_slicing, reason = "every indexed value is a JSON object made here, independent of input")]

use actix_web::http::Method;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::http::{
    middleware::authorize::Demand,
    response::{base_path::BasePath, problem::ProblemBody},
};

use super::{
    doc::{Doc, to_json},
    endpoint::Endpoint,
};

/// The whole document. Of a service that is open to everybody, every operation also works without a credential.
pub(crate) fn document<P>(endpoints: &[Endpoint<P>], base: &BasePath, is_open: bool) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut problem = Vec::new();
    ProblemBody::schemas(&mut problem);
    problem.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    schemas.extend(problem.into_iter().map(|(name, schema)| (name, to_json(schema))));
    for endpoint in endpoints {
        let mut operations = Map::new();
        for (method, demand, doc) in &endpoint.docs {
            operations.insert(method.as_str().to_ascii_lowercase(), doc.operation(endpoint.path, *demand, is_open));
            schemas.extend(doc.schemas().clone());
            if *method == Method::GET {
                operations.insert("head".into(), head_of(doc, endpoint.path, *demand, is_open));
            }
        }
        paths.insert(endpoint.path.to_owned(), operations.into());
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Orders",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Creates orders, prices their items, and keeps every change in an event log.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (ord_…), or a token of the identity provider (JWT). Without access control \
                (ORDERS_AUTH=none) no credential is needed.",
        }}},
    });
    if !base.is_empty() {
        document["servers"] = json!([{"url": base.as_str()}]);
    }
    document
}

/// `HEAD` answers as `GET` does, without the content.
fn head_of(doc: &Doc, path: &str, demand: Demand, is_open: bool) -> Value {
    let mut operation = doc.operation(path, demand, is_open);
    operation["operationId"] = format!("{}_head", operation["operationId"].as_str().unwrap_or_default()).into();
    operation["summary"] = format!("{}, without the body", operation["summary"].as_str().unwrap_or_default()).into();
    for response in operation["responses"].as_object_mut().into_iter().flat_map(|responses| responses.values_mut()) {
        if let Some(response) = response.as_object_mut() {
            response.remove("content");
        }
    }
    operation
}
