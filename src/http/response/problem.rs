use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{BoxError, Quota},
    domain::{OrderId, Scope},
    http::request_id::RequestId,
};

use super::code::Code;

/// What a handler returns: a response, or the problem that `observe` writes instead.
pub(crate) type HttpResult = Result<HttpResponse, Problem>;

/// Why a request failed (RFC 9457). `observe` writes it, with the id and the path of the request.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) detail: String,
    /// At most [`MAX_ERRORS`].
    pub(crate) errors: Vec<FieldError>,
    /// How many more errors the request has.
    pub(crate) more_errors: u32,
    /// The value of `Allow`; of a 405.
    pub(crate) allow: Option<Box<str>>,
    /// The version of the order; of a 412.
    pub(crate) current_version: Option<u32>,
    /// Of a 410.
    pub(crate) bound: Option<LogBound>,
    /// The scope that the caller lacks; of a 403.
    pub(crate) scope: Option<Scope>,
    /// Of a 429.
    pub(crate) limited: Option<Box<Limited>>,
    /// Only logged: the response never shows it.
    pub(crate) cause: Option<BoxError>,
}

/// A position at which the event log ends, before what was requested.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogBound {
    Earliest(u64),
    Last(u64),
}

/// Why the caller asks too often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limited {
    /// How long to wait, in seconds.
    pub(crate) retry_after: u32,
    /// What is left for the caller.
    pub(crate) quota: Option<Quota>,
}

/// One error of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The place in the body: a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) pointer: Option<String>,
    /// The name of a parameter: of the path, the query or the headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) parameter: Option<String>,
    pub(crate) code: String,
    pub(crate) detail: String,
}

/// The errors that a problem lists. A response is not many times as long as its request.
pub(crate) const MAX_ERRORS: usize = 100;

/// The characters of an unknown name that a text repeats.
const MAX_NAME: usize = 64;

/// What the credentials are for (RFC 9110, section 11.5).
const REALM: &str = "orders";

/// How long a client should wait before its next attempt after a 503.
const RETRY_AFTER_SECONDS: u32 = 1;

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            more_errors: 0,
            allow: None,
            current_version: None,
            bound: None,
            scope: None,
            limited: None,
            cause: None,
        }
    }

    pub(crate) fn with_errors(self, errors: Vec<FieldError>) -> Self {
        Self { errors, more_errors: 0, ..self }.with_at_most(MAX_ERRORS)
    }

    /// Lists at most so many errors, and counts the others.
    pub(crate) fn with_at_most(mut self, limit: usize) -> Self {
        let more = self.errors.len().saturating_sub(limit);
        self.more_errors = self.more_errors.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.errors.truncate(limit);
        self
    }

    /// The same problem in a part of the body: this pointer leads to the part.
    pub(crate) fn in_part(mut self, part: &str) -> Self {
        for error in &mut self.errors {
            error.pointer = error.pointer.take().map(|pointer| format!("{part}{pointer}"));
        }
        self
    }

    /// A parameter that is not as documented.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let error = FieldError::at_parameter(name, "invalid", detail);
        Self::new(Code::InvalidParameter, error.detail.clone()).with_errors(vec![error])
    }

    /// The problem of an error that the framework made.
    pub(crate) fn from_framework(error: &actix_web::Error) -> Self {
        match error.as_response_error().status_code() {
            status if status.is_server_error() => Self::internal(error.to_string()),
            status => Self::from_status(status),
        }
    }

    /// A problem of which only the status is known.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::route_not_found(),
            StatusCode::PRECONDITION_FAILED => {
                Self::new(Code::PreconditionFailed, "The file has another entity tag. Load it again.")
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Self::new(Code::RangeNotSatisfiable, "The file is shorter. Load the whole file.")
            }
            status if status.is_client_error() => {
                Self::new(Code::InvalidParameter, "The request is not as documented. Compare it with /openapi.json.")
            }
            status => Self::internal(format!("the framework returned status {status}")),
        }
    }

    /// A failure of the service. The cause is only logged.
    pub(crate) fn internal(cause: impl Into<BoxError>) -> Self {
        Self::new(
            Code::Internal,
            "The service failed. Give the operator the request id, which leads to the cause in the log.",
        )
        .caused_by(cause)
    }

    pub(crate) fn route_not_found() -> Self {
        Self::new(Code::RouteNotFound, "No route has this path. The routes are in /openapi.json.")
    }

    pub(crate) fn caused_by(self, cause: impl Into<BoxError>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    pub(crate) fn order_not_found(id: OrderId) -> Self {
        Self::new(Code::OrderNotFound, format!("There is no order {id}. Check the id."))
    }

    /// `If-Match` or `If-None-Match` does not admit the version of the order.
    pub(crate) fn stale(current: u32) -> Self {
        let detail = format!("The order is at version {current}. Read it, and decide again.");
        Self { current_version: Some(current), ..Self::new(Code::PreconditionFailed, detail) }
    }

    /// Logs a failure with its causes. Call it once a problem. A 503 is an error only where an outage begins.
    pub(crate) fn log(&self, id: &RequestId, begins_outage: bool) {
        let (level, prefix) = match self.code.status() {
            _ if begins_outage => (log::Level::Error, "an outage begins, and INFO lines have the next refusals: "),
            StatusCode::SERVICE_UNAVAILABLE => (log::Level::Info, ""),
            status if status.is_server_error() => (log::Level::Error, ""),
            _ => return,
        };
        let (code, cause) = (self.code.as_str(), self.cause.as_ref().map(chain).unwrap_or_default());
        log::log!(level, request_id = id.as_str(), code = code, cause = cause.as_str(); "{prefix}{}", self.detail);
    }

    /// The response.
    pub(crate) fn write(&self, base: &str, path: &str, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.content_type("application/problem+json");
        if let Some(limited) = &self.limited {
            response.insert_header((header::RETRY_AFTER, limited.retry_after));
        } else if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if let Some(challenge) = self.challenge() {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, &**allow));
        }
        if let Some(version) = self.current_version {
            response.insert_header((header::ETAG, format!("\"{version}\"")));
        }
        response.body(serde_json::to_vec(&self.body(base, &format!("{base}{path}"), request_id)).unwrap_or_default())
    }

    /// The value of `WWW-Authenticate` (RFC 6750, section 3).
    fn challenge(&self) -> Option<String> {
        let error = match self.code {
            Code::CredentialRequired => return Some(format!("Bearer realm=\"{REALM}\"")),
            Code::MalformedCredential => "invalid_request",
            Code::InvalidCredential => "invalid_token",
            Code::InsufficientScope | Code::OtherCustomer => "insufficient_scope",
            _ => return None,
        };
        // No text here has a quotation mark or a backslash.
        let challenge = format!("Bearer realm=\"{REALM}\", error=\"{error}\", error_description=\"{}\"", self.detail);
        Some(match self.scope {
            Some(scope) => format!("{challenge}, scope=\"{scope}\""),
            None => challenge,
        })
    }

    /// The members (RFC 9457, section 3). The caller knows the base path, `instance` and `request_id`.
    pub(crate) fn body(&self, base: &str, instance: &str, request_id: &str) -> ProblemBody {
        let (earliest_position, last_position) = match self.bound {
            None => (None, None),
            Some(LogBound::Earliest(position)) => (Some(position.to_string()), None),
            Some(LogBound::Last(position)) => (None, Some(position.to_string())),
        };
        ProblemBody {
            r#type: format!("{base}/problems/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            code: self.code.as_str(),
            request_id: request_id.to_owned(),
            current_version: self.current_version,
            earliest_position,
            last_position,
            errors: self.errors.clone(),
            more_errors: (self.more_errors > 0).then_some(self.more_errors),
        }
    }
}

/// Why a request failed (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// The path of a page about this kind of problem.
    #[schema(pattern = "^(/[^/]+)*/problems/[a-z_]+$")]
    r#type: String,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Why this request failed, and what to do.
    detail: String,
    /// The path of the request.
    instance: String,
    /// Stable: programs can decide by it.
    code: &'static str,
    /// Leads to the request in the log.
    request_id: String,
    /// The version of the order, if If-Match failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    current_version: Option<u32>,
    /// The oldest position in the event log, if the requested one is retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9]+$")]
    earliest_position: Option<String>,
    /// The newest position in the event log, if the requested one is behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9]+$")]
    last_position: Option<String>,
    /// The errors of the request, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// How many errors the request has beyond those in `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    more_errors: Option<u32>,
}

/// An error and its causes. Many errors have the text of their cause in their own, which counts once.
fn chain(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
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

    /// Only the status: `observe` takes the problem from the response's error and writes it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.code.status())
    }
}

/// A name of the request, as a text repeats it.
pub(crate) fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()).into(),
        None => name.into(),
    }
}

/// A domain error's message as a sentence.
pub(crate) fn sentence(error: &impl fmt::Display) -> String {
    // Long enough for every error text: an order has several of them in each response.
    let mut text = String::with_capacity(128);
    // A `String` takes every text.
    let _ = write!(text, "{error}.");
    // Every error text begins with an ASCII letter.
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
