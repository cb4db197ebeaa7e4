use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::BoxError, domain::OrderId, http::request_id::RequestId};

use super::code::Code;

/// An answer that is not the one that was asked for (RFC 9457). `observe` writes it, with the request's id and path.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldError>,
    /// The value of `Allow`, of a 405.
    pub(crate) allow: Option<String>,
    /// Where the order is, of a 412.
    pub(crate) current_version: Option<u32>,
    /// Where the log begins, of a 410.
    pub(crate) earliest_position: Option<u64>,
    /// What is logged and never shown.
    pub(crate) cause: Option<BoxError>,
}

/// One thing that is wrong with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where it is in the body: a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) pointer: Option<String>,
    /// Which parameter of the path, the query or the header it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) parameter: Option<String>,
    pub(crate) code: String,
    pub(crate) detail: String,
}

/// How long a client should wait before it asks a dependency again, in seconds.
const RETRY_AFTER: u32 = 1;

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            allow: None,
            current_version: None,
            earliest_position: None,
            cause: None,
        }
    }

    pub(crate) fn with_errors(self, errors: Vec<FieldError>) -> Self {
        Self { errors, ..self }
    }

    /// The same problem with its pointers below another place in the body.
    pub(crate) fn below(mut self, place: &str) -> Self {
        for error in &mut self.errors {
            error.pointer = error.pointer.take().map(|pointer| format!("{place}{pointer}"));
        }
        self
    }

    /// One parameter that is not as documented.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let error = FieldError::at_parameter(name, "invalid", detail);
        Self::new(Code::InvalidParameter, error.detail.clone()).with_errors(vec![error])
    }

    /// What the framework answers by itself.
    pub(crate) fn from_framework(error: &actix_web::Error) -> Self {
        match error.as_response_error().status_code() {
            status if status.is_server_error() => Self::internal(error.to_string()),
            status => Self::from_status(status),
        }
    }

    /// A refusal of which only the status is known.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::route_not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self {
                allow: Some("GET, HEAD".to_owned()),
                ..Self::new(Code::MethodNotAllowed, "This path allows GET, HEAD.")
            },
            StatusCode::PRECONDITION_FAILED => Self::new(Code::PreconditionFailed, "The file is not the expected one."),
            StatusCode::RANGE_NOT_SATISFIABLE => Self::new(Code::RangeNotSatisfiable, "The file is shorter."),
            status if status.is_client_error() => {
                Self::new(Code::InvalidParameter, "The request is not as documented.")
            }
            status => Self::internal(format!("the framework answered {status}")),
        }
    }

    /// A mistake of ours: the cause is for the log.
    pub(crate) fn internal(cause: impl Into<BoxError>) -> Self {
        Self::new(Code::Internal, "Something went wrong here. The request id finds it in the log.").caused_by(cause)
    }

    pub(crate) fn route_not_found() -> Self {
        Self::new(Code::RouteNotFound, "There is nothing at this path.")
    }

    pub(crate) fn caused_by(self, cause: impl Into<BoxError>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    pub(crate) fn order_not_found(id: OrderId) -> Self {
        Self::new(Code::OrderNotFound, format!("There is no order {id}."))
    }

    /// A problem of ours is logged, once, with what led to it.
    pub(crate) fn log(&self, id: &RequestId) {
        if self.code.status().is_server_error() {
            let cause = self.cause.as_ref().map(chain).unwrap_or_default();
            log::error!(request_id = id.as_str(), code = self.code.as_str(), cause = cause.as_str(); "{}", self.detail);
        }
    }

    /// The answer that this problem is.
    pub(crate) fn write(&self, instance: &str, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.content_type("application/problem+json");
        if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Some(version) = self.current_version {
            response.insert_header((header::ETAG, format!("\"{version}\"")));
        }
        response.body(serde_json::to_vec(&self.body(instance, request_id)).unwrap_or_default())
    }

    /// The members (RFC 9457, section 3); the request knows `instance` and `request_id`.
    pub(crate) fn body(&self, instance: &str, request_id: &str) -> ProblemBody {
        ProblemBody {
            r#type: format!("/problems/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            code: self.code.as_str(),
            request_id: request_id.to_owned(),
            current_version: self.current_version,
            earliest_position: self.earliest_position.map(|position| position.to_string()),
            errors: self.errors.clone(),
        }
    }
}

/// What went wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Leads to a page about this kind of problem.
    #[schema(pattern = "^/problems/[a-z_]+$")]
    r#type: String,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong with this request.
    detail: String,
    /// The path of the request.
    instance: String,
    /// Stable: for programs to decide by.
    code: &'static str,
    /// Finds the request in the log.
    request_id: String,
    /// The version of the order, of a failed If-Match.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    current_version: Option<u32>,
    /// The oldest position that the log keeps, of one that is retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9]+$")]
    earliest_position: Option<String>,
    /// Everything that is wrong with the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

/// An error and what led to it.
fn chain(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl FieldError {
    pub(crate) fn at(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, code: code.into(), detail: detail.into() }
    }

    pub(crate) fn at_parameter(name: &str, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(name.to_owned()), code: code.to_owned(), detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// Only the status: `observe` finds the problem in the response's error and writes it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.code.status())
    }
}

/// A domain error's message as a sentence.
pub(crate) fn sentence(error: &impl fmt::Display) -> String {
    let mut text = format!("{error}.");
    // What errors say begins with a letter of ASCII.
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
