//! The OpenAPI 3.1 document, put together from what each route says of itself.
#![expect(
    clippy::indexing_slicing,
    reason = "all of these are JSON objects made here, and nothing of it depends on input"
)]

use actix_web::http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::http::response::{
    code::Code,
    problem::{Problem, ProblemBody},
};

use super::endpoint::Endpoint;

/// What a route says of itself.
#[derive(Debug)]
pub(crate) struct Doc {
    operation: Map<String, Value>,
    parameters: Vec<Value>,
    answers: Map<String, Value>,
    codes: Vec<Code>,
    schemas: Map<String, Value>,
}

impl Doc {
    pub(crate) fn new(tag: &str, operation_id: &str, summary: &str) -> Self {
        let operation = [("tags", json!([tag])), ("operationId", operation_id.into()), ("summary", summary.into())];
        let operation = operation.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        // Any request can meet these.
        let codes = vec![
            Code::InvalidParameter,
            Code::MethodNotAllowed,
            Code::NotAcceptable,
            Code::HeadersTooLarge,
            Code::Internal,
        ];
        Self { operation, parameters: Vec::new(), answers: Map::new(), codes, schemas: Map::new() }
    }

    pub(crate) fn describe(mut self, text: &str) -> Self {
        self.operation.insert("description".into(), text.into());
        self
    }

    /// A parameter: where it is (`path`, `query` or `header`), its name, its schema and what it is for.
    pub(crate) fn parameter(mut self, place: &str, name: &str, schema: &Value, text: &str) -> Self {
        let required = place == "path";
        self.parameters
            .push(json!({"in": place, "name": name, "required": required, "schema": schema, "description": text}));
        self
    }

    /// A JSON body of this shape.
    pub(crate) fn body<T: ToSchema>(self, example: &Value) -> Self {
        self.body_or_none::<T>(example, true)
    }

    /// A JSON body of this shape, or none.
    pub(crate) fn optional_body<T: ToSchema>(self, example: &Value) -> Self {
        self.body_or_none::<T>(example, false)
    }

    fn body_or_none<T: ToSchema>(mut self, example: &Value, required: bool) -> Self {
        let schema = self.schema::<T>();
        let content = json!({"application/json": {"schema": schema, "example": example}});
        self.operation.insert("requestBody".into(), json!({"required": required, "content": content}));
        self.problems(&[
            Code::MalformedJson,
            Code::InvalidBody,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ])
    }

    /// A JSON answer of this shape.
    pub(crate) fn answer<T: ToSchema>(self, status: u16, text: &str, example: &Value) -> Self {
        self.answer_as::<T>(status, &mime::APPLICATION_JSON, text, example)
    }

    /// A JSON answer of this shape, or a list of it, under a media type of its own.
    pub(crate) fn answer_as<T: ToSchema>(
        mut self,
        status: u16,
        media_type: &mime::Mime,
        text: &str,
        example: &Value,
    ) -> Self {
        let one = self.schema::<T>();
        let schema = if example.is_array() { json!({"type": "array", "items": one}) } else { one };
        let content = json!({media_type.as_ref(): {"schema": schema, "example": example}});
        self.answers.insert(status.to_string(), json!({"description": text, "content": content, "headers": {}}));
        self
    }

    /// An answer that is not JSON.
    pub(crate) fn other_answer(mut self, status: u16, text: &str, media_type: Option<&str>) -> Self {
        let mut answer = json!({"description": text, "headers": {}});
        if let Some(media_type) = media_type {
            answer["content"] = json!({media_type: {"schema": {"type": "string"}}});
        }
        self.answers.insert(status.to_string(), answer);
        self
    }

    /// A header of the answer that was told last.
    pub(crate) fn header(mut self, status: u16, name: &str, schema: &Value, text: &str) -> Self {
        if let Some(answer) = self.answers.get_mut(&status.to_string()) {
            answer["headers"][name] = json!({"schema": schema, "description": text});
        }
        self
    }

    pub(crate) fn problems(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }

    fn schema<T: ToSchema>(&mut self) -> Value {
        let mut nested = Vec::new();
        T::schemas(&mut nested);
        nested.push((T::name().into_owned(), T::schema()));
        self.schemas.extend(nested.into_iter().map(|(name, schema)| (name, to_json(schema))));
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    /// The operation object (OpenAPI 3.1.0, section 4.8.10).
    fn operation(&self, path: &str) -> Value {
        let mut responses = self.answers.clone();
        let mut statuses: Vec<u16> = self.codes.iter().map(|code| code.status().as_u16()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            let codes: Vec<Code> = Code::ALL.iter().copied().filter(|code| self.codes.contains(code)).collect();
            let codes = codes.into_iter().filter(|code| code.status().as_u16() == status);
            responses.insert(status.to_string(), problem_response(path, &codes.collect::<Vec<_>>()));
        }
        for (status, response) in &mut responses {
            response["headers"]["X-Request-Id"] =
                json!({"schema": {"type": "string"}, "description": "The id of the request, which the log has too"});
            let (name, schema, text) = match status.as_str() {
                "405" => ("Allow", json!({"type": "string"}), "The methods of the path"),
                "412" => ("ETag", json!({"type": "string"}), "The version that the order is at, in quotes"),
                "503" => ("Retry-After", json!({"type": "integer"}), "Seconds to wait before the next try"),
                _ => continue,
            };
            response["headers"][name] = json!({"schema": schema, "description": text});
        }
        let mut operation = self.operation.clone();
        operation.insert("parameters".into(), self.parameters.clone().into());
        operation.insert("responses".into(), responses.into());
        operation.into()
    }
}

fn problem_response(path: &str, codes: &[Code]) -> Value {
    let titles: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title())).collect();
    let example = |code: &Code| {
        let problem = Problem::new(*code, code.advice()).body(path, "01890a5d-ac96-774b-bcce-b302099a8057");
        (code.as_str().to_owned(), json!({"summary": code.title(), "value": to_json(problem)}))
    };
    let examples: Map<String, Value> = codes.iter().map(example).collect();
    let allowed: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let schema = json!({"allOf": [
        {"$ref": "#/components/schemas/Problem"},
        {"type": "object", "properties": {"code": {"enum": allowed}}},
    ]});
    let content = json!({"application/problem+json": {"schema": schema, "examples": examples}});
    json!({"description": titles.join("; "), "content": content, "headers": {}})
}

/// The whole document.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut problem = Vec::new();
    ProblemBody::schemas(&mut problem);
    problem.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    schemas.extend(problem.into_iter().map(|(name, schema)| (name, to_json(schema))));
    for endpoint in endpoints {
        let mut operations = Map::new();
        for (method, doc) in &endpoint.docs {
            operations.insert(method.as_str().to_ascii_lowercase(), doc.operation(endpoint.path));
            schemas.extend(doc.schemas.clone());
            if *method == Method::GET {
                operations.insert("head".into(), head_of(doc, endpoint.path));
            }
        }
        paths.insert(endpoint.path.to_owned(), operations.into());
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Orders",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Takes orders, prices their items, and keeps a log of what happened, in order.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// `HEAD` answers as `GET` does, without the content.
fn head_of(doc: &Doc, path: &str) -> Value {
    let mut operation = doc.operation(path);
    operation["operationId"] = format!("{}_head", operation["operationId"].as_str().unwrap_or_default()).into();
    operation["summary"] = format!("{}, without the body", operation["summary"].as_str().unwrap_or_default()).into();
    for response in operation["responses"].as_object_mut().into_iter().flat_map(|responses| responses.values_mut()) {
        if let Some(response) = response.as_object_mut() {
            response.remove("content");
        }
    }
    operation
}

fn to_json(part: impl Serialize) -> Value {
    // Maps with string keys always serialise.
    serde_json::to_value(part).unwrap_or_default()
}
