use std::{borrow::Cow, future::ready, panic::AssertUnwindSafe, rc::Rc, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode, Uri,
        header::{self, HeaderName, HeaderValue},
    },
    web::Data,
};
use futures_util::{FutureExt, future::Either};

use crate::{
    app::{Clock, IdGenerator, Ports},
    http::{
        app_state::AppState,
        connection::ClientConnection,
        request::{caller::Caller, entity_tags::has_no_tag, target::check_encoding},
        request_id::{RequestId, X_REQUEST_ID},
        response::{base_path::BasePath, code::Code, problem::Problem},
        routing::endpoint::{RoutePath, accepted_type_header},
    },
    trace::TraceContext,
};

use super::{authorize::add_quota, hosts::AllowedHosts};

/// Wraps every request: gives it an id, writes problems, turns a panic into a problem, adds the headers of every response,
/// and logs one line.
#[derive(Debug)]
pub(crate) struct Observer<P> {
    pub(crate) app: Data<AppState<P>>,
    pub(crate) base: BasePath,
    pub(crate) hosts: AllowedHosts,
}

impl<P: Ports> Observer<P> {
    /// Not a future that is boxed, with extractors, as `from_fn` has it: every request passes here.
    pub(crate) fn observe<S, B>(
        self: Rc<Self>,
        request: ServiceRequest,
        next: &S,
    ) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>> + use<P, S, B>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody + 'static,
    {
        let begun = Instant::now();
        let ports = self.app.ports();
        let now = ports.clock().now();
        let id = RequestId::from_headers(request.headers(), ports.ids(), now);
        let trace =
            trace(request.headers()).unwrap_or_else(|| TraceContext::begin(ports.ids().event_id(now).as_u128()));
        request.extensions_mut().insert(id.clone());
        let head = Head { begun, method: request.method().clone(), uri: request.uri().clone(), id };
        // Boxed, because it moves several times before it is polled.
        let answering = match self.check_head(request.request()) {
            Ok(()) => Either::Left(Box::pin(next.call(request))),
            Err(problem) => Either::Right(ready(Err(problem.into()))),
        };
        trace.scope(self.respond(head, answering))
    }

    /// What every route refuses by the head of a request.
    fn check_head(&self, request: &HttpRequest) -> Result<(), Problem> {
        if let Some(refusal) = ClientConnection::refusal(request) {
            return Err(refusal.into());
        }
        self.hosts.check(request)?;
        let limit = self.app.limits().header_bytes;
        if header_bytes(request.headers()) > limit {
            let detail = format!("The headers of a request have at most {limit} bytes. Send fewer or shorter ones.");
            return Err(Problem::new(Code::HeadersTooLarge, detail));
        }
        check_encoding(request.uri())
    }

    async fn respond<B: MessageBody + 'static>(
        self: Rc<Self>,
        head: Head,
        answering: impl Future<Output = Result<ServiceResponse<B>, Error>>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let counted = self.app.metrics().begin_request(head.begun);
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        // The panic hook has written the panic to standard error. The handler has consumed the request.
        let answered = answered.unwrap_or_else(|_panic| Err(Problem::internal("the handler panicked").into()));
        let (request, mut response) = match answered {
            Ok(response) => {
                let (request, response) = response.map_into_boxed_body().into_parts();
                let problem = self.problem_instead(&head, &request, &response);
                (Some(request), problem.unwrap_or(response))
            }
            Err(error) => (None, self.write(&head, &error)),
        };
        add_headers(&head.method, response.status(), response.headers_mut(), &head.id);
        self.base.prepend_to_headers(response.headers_mut());
        counted.respond(request.as_ref().and_then(route), &head.method, response.status());
        head.log_access(response.status(), request.as_ref());
        match request {
            Some(request) => Ok(ServiceResponse::new(request, response)),
            None => Err(InternalError::from_response("the handler consumed the request", response).into()),
        }
    }

    /// The problem of a failed response, written, with the headers of the response that remain true. `None` if it did not
    /// fail.
    fn problem_instead(&self, head: &Head, request: &HttpRequest, response: &HttpResponse) -> Option<HttpResponse> {
        let mut problem = match response.error() {
            Some(error) => self.write(head, error),
            // The file server and Swagger UI write their own responses.
            None if response.status().is_client_error() || response.status().is_server_error() => {
                self.write_problem(head, &Problem::from_status(response.status()))
            }
            None => self.write_problem(head, &failed_if_match(&head.method, request, response)?),
        };
        for (name, value) in response.headers() {
            // A 416 has the length of the file (RFC 9110, section 14.4).
            if *name == header::VARY || *name == header::CONTENT_RANGE || name.as_str().starts_with("access-control-") {
                problem.headers_mut().insert(name.clone(), value.clone());
            }
        }
        Some(problem)
    }

    /// The problem of an error, written.
    fn write(&self, head: &Head, error: &Error) -> HttpResponse {
        match error.as_error::<Problem>() {
            Some(problem) => self.write_problem(head, problem),
            None => self.write_problem(head, &Problem::from_framework(error)),
        }
    }

    fn write_problem(&self, head: &Head, problem: &Problem) -> HttpResponse {
        problem.log(&head.id, self.app.outages().begins(self.app.ports(), problem));
        let mut response = problem.write(self.base.as_str(), head.uri.path(), head.id.as_str());
        if let Some(quota) = problem.limited.as_ref().and_then(|limited| limited.quota) {
            add_quota(response.headers_mut(), &quota);
        }
        response
    }
}

/// What is known of a request after its handler has consumed it.
struct Head {
    begun: Instant,
    method: Method,
    uri: Uri,
    id: RequestId,
}

impl Head {
    fn log_access(&self, status: StatusCode, request: Option<&HttpRequest>) {
        let extensions = request.map(HttpMessage::extensions);
        let caller = extensions.as_ref().and_then(|extensions| extensions.get::<Caller>());
        let duration_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        macro_rules! log_request {
            ($($more:tt)*) => {
                log::info!(
                    target: "orders::http::access",
                    request_id = self.id.as_str(),
                    method = self.method.as_str(),
                    path = self.uri.path(),
                    status = status.as_u16(),
                    duration_us = duration_us $($more)*;
                    "request"
                )
            };
        }
        match caller.and_then(|caller| Some((&caller.principal.tenant, caller.principal.subject()?))) {
            Some((tenant, subject)) => log_request!(, tenant = tenant.as_str(), subject = subject),
            None => log_request!(),
        }
    }
}

/// The pattern of the path. An endpoint knows it; for other resources the router has to search.
fn route(request: &HttpRequest) -> Option<Cow<'static, str>> {
    match request.app_data::<RoutePath>() {
        Some(path) => Some(Cow::Borrowed(path.0)),
        None => request.match_pattern().map(Cow::Owned),
    }
}

/// The trace of the caller (W3C Trace Context, section 3.2). Two headers count as none.
fn trace(headers: &header::HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACEPARENT);
    let (value, None) = (values.next()?, values.next()) else { return None };
    TraceContext::parse(value.to_str().ok()?.trim())
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// `If-Match` on a read of what has no entity tag. Everything that has one compares it itself.
fn failed_if_match(method: &Method, request: &HttpRequest, response: &HttpResponse) -> Option<Problem> {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    let is_untagged = response.status().is_success() && !response.headers().contains_key(header::ETAG);
    if is_read && is_untagged && request.headers().contains_key(header::IF_MATCH) {
        has_no_tag(request).err()
    } else {
        None
    }
}

fn header_bytes(headers: &header::HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn add_headers(method: &Method, status: StatusCode, headers: &mut header::HeaderMap, id: &RequestId) {
    if let Some(id) = id.header() {
        headers.insert(X_REQUEST_ID, id);
    }
    let is_read = *method == Method::GET || *method == Method::HEAD;
    if is_read && !headers.contains_key(header::CACHE_CONTROL) {
        // A cache may keep what has an entity tag, and checks it each time. It keeps nothing else.
        let directive = if headers.contains_key(header::ETAG) { "no-cache" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(directive));
    }
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE
        && let Some(name) = accepted_type_header(method)
    {
        headers.insert(name, HeaderValue::from_static("application/json"));
    }
    for (name, value) in SECURITY_HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// A browser guesses no content type, sends no referrer, and shows no page in a frame.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];
