use actix_web::http::StatusCode;

/// A kind of problem (RFC 9457, section 3.1.1): its status, and the texts of its page.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) status: StatusCode,
    /// Stable: programs decide by it.
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    /// What to do.
    pub(crate) advice: &'static str,
}

macro_rules! codes {
    ($($name:ident = $status:ident $code:literal, $title:literal, $advice:literal;)+) => {
        /// Every kind of problem of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($name),+ }

        impl Code {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            const fn kind(self) -> &'static Kind {
                match self {
                    $(Self::$name => &Kind { status: StatusCode::$status, code: $code, title: $title, advice: $advice },)+
                }
            }
        }
    };
}

codes! {
    MalformedRequest = BAD_REQUEST "malformed_request", "The request is not well-formed HTTP",
        "Send HTTP/1.1 as RFC 9112 defines it. detail says what is wrong. Nothing was changed.";
    MalformedJson = BAD_REQUEST "malformed_json", "The body is not well-formed JSON",
        "Send one JSON value in UTF-8, and nothing behind it. No object has a name twice, no string has a NUL, and no number is out of range.";
    InvalidBody = BAD_REQUEST "invalid_body", "The body does not have the documented fields",
        "A field is missing, unknown or of another JSON type. errors lists each by its JSON pointer.";
    InvalidParameter = BAD_REQUEST "invalid_parameter", "A parameter is not as documented",
        "A parameter of the path, the query or the headers is unknown, malformed or given twice. errors lists each by its name.";
    InvalidCursor = BAD_REQUEST "invalid_cursor", "The cursor does not belong to this list",
        "Use next_cursor unchanged, with the same filters. To change the filters, begin at the first page.";
    CredentialRequired = UNAUTHORIZED "credential_required", "The request has no credential",
        "Send an API key or a token in the header Authorization: Bearer <credential>.";
    MalformedCredential = UNAUTHORIZED "malformed_credential", "The credential is malformed",
        "Send one header Authorization: Bearer <credential>, with a token of the form of RFC 6750, section 2.1.";
    InvalidCredential = UNAUTHORIZED "invalid_credential", "The credential is not accepted",
        "errors says why. Get a new token, or ask for a new key.";
    InsufficientScope = FORBIDDEN "insufficient_scope", "The credential does not have the scope",
        "detail and WWW-Authenticate name the scope. Use a credential that has it. Nothing was changed.";
    OtherCustomer = FORBIDDEN "other_customer", "The credential is for another customer",
        "The credential sees the orders of one customer only. Use one that sees all customers. Nothing was changed.";
    RouteNotFound = NOT_FOUND "route_not_found", "No route has this path",
        "The routes are in the OpenAPI document at /openapi.json.";
    KeyNotFound = NOT_FOUND "key_not_found", "The key does not exist",
        "Check the key id. A revoked key cannot be rotated.";
    SinkNotFound = NOT_FOUND "sink_not_found", "The sink does not exist",
        "GET /sinks lists the sinks. A sink exists from the first start of a service with its settings on.";
    OrderNotFound = NOT_FOUND "order_not_found", "The order does not exist",
        "Check the order id.";
    LineNotFound = NOT_FOUND "line_not_found", "The order does not have this line",
        "Read the order for its lines. The number of a removed line is never used again. Nothing was changed.";
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed", "The path does not allow this method",
        "The header Allow lists the methods.";
    NotAcceptable = NOT_ACCEPTABLE "not_acceptable", "The path has no response of an accepted type",
        "Accept application/json, or send no Accept header.";
    RequestTimeout = REQUEST_TIMEOUT "request_timeout", "The request did not arrive in time",
        "Send the whole head, and then the whole body, without a pause.";
    LostRace = CONFLICT "lost_race", "Other writers kept changing the order at the same time",
        "Nothing was changed. Read the order and try again.";
    OrderNotOpen = CONFLICT "order_not_open", "The order is no longer open",
        "Only an open order can be placed or have its items changed. Nothing was changed.";
    OrderEmpty = CONFLICT "order_empty", "The order has no items",
        "Add an item first. Nothing was changed.";
    OrderNotCancellable = CONFLICT "order_not_cancellable", "The order can no longer be cancelled",
        "Only an open or placed order can be cancelled. Nothing was changed.";
    OrderNotPlaced = CONFLICT "order_not_placed", "The order is not placed",
        "Only a placed order can be fulfilled. Nothing was changed.";
    PositionRetired = GONE "position_retired", "The event log no longer has these events",
        "The requested events are no longer kept. earliest_position is the oldest position that is. Read the orders as they are now, and follow the event log from there.";
    PositionAhead = GONE "position_ahead", "The event log ends before this position",
        "The event log was restored from an older state, so what you read behind its end is no longer true. last_position is the newest position. Read the orders as they are now, and follow the event log from there.";
    PreconditionFailed = PRECONDITION_FAILED "precondition_failed", "The order is at another version",
        "If-Match or If-None-Match does not admit the version of the order, current_version. Read it, and decide again. A resource without a version matches no entity tag.";
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large", "The body is too large",
        "Send less, or split it into several requests.";
    UriTooLong = URI_TOO_LONG "uri_too_long", "The URI is too long",
        "Send a shorter path and query.";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type", "The body is not declared as JSON",
        "Send Content-Type: application/json, and no charset other than UTF-8.";
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE "range_not_satisfiable", "The file does not have this range",
        "Request the whole file.";
    MisdirectedRequest = MISDIRECTED_REQUEST "misdirected_request", "The service does not answer to this host",
        "Use the name of the service, or list the host in ORDERS_ALLOWED_HOSTS. Nothing was changed.";
    ValidationFailed = UNPROCESSABLE_ENTITY "validation_failed", "A value breaks a rule",
        "errors lists each value by its JSON pointer, with the rule. Nothing was changed.";
    UnknownProduct = UNPROCESSABLE_ENTITY "unknown_product", "The product does not exist",
        "The products are at /products. Nothing was changed.";
    TooManyLines = UNPROCESSABLE_ENTITY "too_many_lines", "An order cannot have this many lines",
        "Split the items over several orders. Nothing was changed.";
    CurrencyMismatch = UNPROCESSABLE_ENTITY "currency_mismatch", "The price is not in the currency of the order",
        "An order has one currency, and accepts products with prices in it. Nothing was changed.";
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused", "The idempotency key was used for another request",
        "A key names one request: method, path and body. Use a new key for another one. Nothing was changed.";
    BatchRejected = FAILED_DEPENDENCY "batch_rejected", "Another order of the batch was refused",
        "Nothing is wrong with this order. Correct the others, or send error_policy: partial.";
    RateLimited = TOO_MANY_REQUESTS "rate_limited", "Too many requests",
        "Try again after the seconds in Retry-After. RateLimit-Policy has the limit. Nothing was changed.";
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "headers_too_large", "The headers are too large",
        "Send fewer or shorter headers.";
    Internal = INTERNAL_SERVER_ERROR "internal_error", "The service failed",
        "Give the operator the request id. A write may have happened: repeat it with the same Idempotency-Key.";
    StoreUnavailable = SERVICE_UNAVAILABLE "store_unavailable", "The database does not answer",
        "Try again after the seconds in Retry-After. A write may have happened: repeat it with the same Idempotency-Key.";
    NewerRelease = SERVICE_UNAVAILABLE "newer_release", "A newer release of the service wrote this order",
        "An instance of the newer release can do this. Try again after the seconds in Retry-After, until such an instance answers. Nothing was changed.";
    PricingUnavailable = SERVICE_UNAVAILABLE "pricing_unavailable", "The pricing service does not answer",
        "Try again after the seconds in Retry-After. Nothing was changed.";
    IssuerUnavailable = SERVICE_UNAVAILABLE "issuer_unavailable", "The keys of the identity provider are not known yet",
        "Try again after the seconds in Retry-After.";
    TooManyConnections = SERVICE_UNAVAILABLE "too_many_connections", "Too many connections are open",
        "Try again after the seconds in Retry-After. Use one connection for many requests, or raise ORDERS_MAX_CONNECTIONS.";
    TooManyStreams = SERVICE_UNAVAILABLE "too_many_streams", "Too many clients wait for events here",
        "Try again after the seconds in Retry-After, or use another instance.";
    Draining = SERVICE_UNAVAILABLE "draining", "The service is shutting down",
        "Use another instance.";
}

impl Code {
    pub(crate) const fn as_str(self) -> &'static str {
        self.kind().code
    }

    pub(crate) const fn title(self) -> &'static str {
        self.kind().title
    }

    pub(crate) const fn advice(self) -> &'static str {
        self.kind().advice
    }

    pub(crate) const fn status(self) -> StatusCode {
        self.kind().status
    }
}
