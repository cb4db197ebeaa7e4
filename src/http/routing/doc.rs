#![expect(clippy::indexing_slicing, reason = "every indexed value is a JSON object made here, independent of input")]

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::http::{
    middleware::authorize::Demand,
    request::{
        body_schema::schemas,
        fields::Body,
        query::{Parameters, QueryParameters},
    },
    response::{code::Code, problem::Problem},
};

/// The keyword for the known values of a set that may grow. Generators of clients make an open text of it.
pub(crate) const EXTENSIBLE_ENUM: &str = "x-extensible-enum";

/// The documentation of one route: its OpenAPI operation, built beside the handler.
#[derive(Debug)]
pub(crate) struct Doc {
    operation: Map<String, Value>,
    parameters: Vec<Value>,
    responses: Map<String, Value>,
    codes: Vec<Code>,
    schemas: Map<String, Value>,
}

impl Doc {
    pub(crate) fn new(tag: &str, operation_id: &str, summary: &str) -> Self {
        let operation = [("tags", json!([tag])), ("operationId", operation_id.into()), ("summary", summary.into())];
        let operation = operation.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        // Every route can answer with these.
        let codes = vec![
            Code::MalformedRequest,
            Code::InvalidParameter,
            Code::MethodNotAllowed,
            Code::NotAcceptable,
            Code::RequestTimeout,
            Code::UriTooLong,
            Code::MisdirectedRequest,
            Code::HeadersTooLarge,
            Code::Internal,
        ];
        Self { operation, parameters: Vec::new(), responses: Map::new(), codes, schemas: Map::new() }
    }

    pub(crate) fn describe(mut self, text: &str) -> Self {
        self.operation.insert("description".into(), text.into());
        self
    }

    /// A parameter of the path.
    pub(crate) fn path(self, name: &str, schema: &Value, text: &str) -> Self {
        self.parameter_in("path", name, schema, text)
    }

    /// A header of the request, which is always optional.
    pub(crate) fn header(self, name: &str, schema: &Value, text: &str) -> Self {
        self.parameter_in("header", name, schema, text)
    }

    /// The parameters of the query, from the definition that reads them.
    pub(crate) fn query<Q: QueryParameters>(mut self) -> Self {
        Q::define(&mut self);
        self
    }

    fn parameter_in(mut self, place: &str, name: &str, schema: &Value, text: &str) -> Self {
        let required = place == "path";
        self.parameters
            .push(json!({"in": place, "name": name, "required": required, "schema": schema, "description": text}));
        self
    }

    /// The JSON body, from the definition that reads it.
    pub(crate) fn body<B: Body>(mut self, example: &Value) -> Self {
        let content = json!({"application/json": {"schema": reference(B::NAME), "example": example}});
        self.schemas.extend(schemas::<B>());
        self.operation.insert("requestBody".into(), json!({"required": !B::IS_OPTIONAL, "content": content}));
        self.problems(&[
            Code::MalformedJson,
            Code::InvalidBody,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ])
    }

    /// A JSON response of this shape.
    pub(crate) fn response<T: ToSchema>(self, status: u16, text: &str, example: &Value) -> Self {
        self.response_as::<T>(status, &mime::APPLICATION_JSON, text, example)
    }

    /// A JSON response of this shape, or an array of it, in a media type of its own.
    pub(crate) fn response_as<T: ToSchema>(
        mut self,
        status: u16,
        media_type: &mime::Mime,
        text: &str,
        example: &Value,
    ) -> Self {
        let mut nested = Vec::new();
        T::schemas(&mut nested);
        nested.push((T::name().into_owned(), T::schema()));
        self.schemas.extend(nested.into_iter().map(|(name, schema)| (name, to_json(schema))));
        let one = reference(&T::name());
        let schema = if example.is_array() { json!({"type": "array", "items": one}) } else { one };
        let content = json!({media_type.as_ref(): {"schema": schema, "example": example}});
        self.responses.insert(status.to_string(), json!({"description": text, "content": content, "headers": {}}));
        self
    }

    /// The response with this status, which is documented as `first`, also comes in another media type.
    pub(crate) fn also_as(mut self, status: u16, first: &mime::Mime, other: &mime::Mime) -> Self {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["content"][other.as_ref()] = response["content"][first.as_ref()].clone();
        }
        self
    }

    /// The response with this status, which is documented already, also comes as text.
    pub(crate) fn also_as_text(mut self, status: u16) -> Self {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["content"]["text/plain"] = json!({"schema": {"type": "string"}});
        }
        self
    }

    /// A response that is not JSON.
    pub(crate) fn other_response(mut self, status: u16, text: &str, media_type: Option<&str>) -> Self {
        let mut response = json!({"description": text, "headers": {}});
        if let Some(media_type) = media_type {
            response["content"] = json!({media_type: {"schema": {"type": "string"}}});
        }
        self.responses.insert(status.to_string(), response);
        self
    }

    /// A header of the response with this status, which is documented already.
    pub(crate) fn response_header(mut self, status: u16, name: &str, schema: &Value, text: &str) -> Self {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["headers"][name] = json!({"schema": schema, "description": text});
        }
        self
    }

    pub(crate) fn problems(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// The schemas that the operation refers to, by name.
    pub(super) const fn schemas(&self) -> &Map<String, Value> {
        &self.schemas
    }

    /// The operation object (OpenAPI 3.1.0, section 4.8.10).
    pub(super) fn operation(&self, path: &str, demand: Demand, is_open: bool) -> Value {
        let mut responses = self.responses.clone();
        let mut possible = self.codes.clone();
        // Connections beyond the limit can ask for the health.
        if !path.starts_with("/health/") {
            possible.push(Code::TooManyConnections);
        }
        if demand != Demand::Public {
            possible.extend([
                Code::CredentialRequired,
                Code::MalformedCredential,
                Code::InvalidCredential,
                Code::RateLimited,
                Code::IssuerUnavailable,
                Code::StoreUnavailable,
            ]);
        }
        if matches!(demand, Demand::Scope(_)) {
            possible.push(Code::InsufficientScope);
        }
        let mut statuses: Vec<u16> = possible.iter().map(|code| code.status().as_u16()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            let codes: Vec<Code> = Code::ALL.iter().copied().filter(|code| possible.contains(code)).collect();
            let codes = codes.into_iter().filter(|code| code.status().as_u16() == status);
            responses.insert(status.to_string(), problem_response(path, &codes.collect::<Vec<_>>()));
        }
        for (status, response) in &mut responses {
            response["headers"]["X-Request-Id"] =
                json!({"schema": {"type": "string"}, "description": "The id of the request, which the log has too"});
            let (name, schema, text) = match status.as_str() {
                "401" | "403" => {
                    ("WWW-Authenticate", json!({"type": "string"}), "What is wrong with the credential (RFC 6750)")
                }
                "405" => ("Allow", json!({"type": "string"}), "The methods of the path"),
                "412" => ("ETag", json!({"type": "string"}), "The version that the order is at, in quotes"),
                "429" | "503" => ("Retry-After", json!({"type": "integer"}), "Seconds to wait before the next attempt"),
                _ => continue,
            };
            response["headers"][name] = json!({"schema": schema, "description": text});
        }
        let mut operation = self.operation.clone();
        operation.insert("parameters".into(), self.parameters.clone().into());
        operation.insert("responses".into(), responses.into());
        // An empty requirement makes the others optional (OpenAPI 3.1.0, section 4.8.30).
        let security = match (demand, is_open) {
            (Demand::Public, _) => json!([]),
            (Demand::AnyCaller, true) => json!([{"bearer": []}, {}]),
            (Demand::AnyCaller, false) => json!([{"bearer": []}]),
            (Demand::Scope(scope), true) => json!([{"bearer": [scope.as_str()]}, {}]),
            (Demand::Scope(scope), false) => json!([{"bearer": [scope.as_str()]}]),
        };
        operation.insert("security".into(), security);
        operation.into()
    }
}

impl Parameters for Doc {
    fn parameter<T>(
        &mut self,
        name: &'static str,
        text: &str,
        schema: impl FnOnce() -> Value,
        _parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut parameter =
            json!({"in": "query", "name": name, "required": false, "schema": schema(), "description": text});
        if parameter["schema"]["type"] == "array" {
            // Its elements are separated by commas (OpenAPI 3.1.0, section 4.8.12.2).
            parameter["style"] = "form".into();
            parameter["explode"] = false.into();
        }
        self.parameters.push(parameter);
        None
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The response that is one of these problems.
fn problem_response(path: &str, codes: &[Code]) -> Value {
    let titles: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title())).collect();
    let example = |code: &Code| {
        let problem = Problem::new(*code, code.advice()).body("", path, "01890a5d-ac96-774b-bcce-b302099a8057");
        (code.as_str().to_owned(), json!({"summary": code.title(), "value": to_json(problem)}))
    };
    let examples: Map<String, Value> = codes.iter().map(example).collect();
    let allowed: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let schema = json!({"allOf": [
        {"$ref": "#/components/schemas/Problem"},
        // A newer release may add codes.
        {"type": "object", "properties": {"code": {"type": "string", EXTENSIBLE_ENUM: allowed}}},
    ]});
    let content = json!({"application/problem+json": {"schema": schema, "examples": examples}});
    json!({"description": titles.join("; "), "content": content, "headers": {}})
}

pub(super) fn to_json(part: impl Serialize) -> Value {
    // Maps with string keys always serialise.
    serde_json::to_value(part).unwrap_or_default()
}
