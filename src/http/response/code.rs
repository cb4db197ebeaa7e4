use actix_web::http::StatusCode;

/// A kind of problem: its status, and what its page tells (RFC 9457, section 3.1.1).
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) status: StatusCode,
    /// Stable; programs decide by it.
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) advice: &'static str,
}

macro_rules! codes {
    ($($name:ident = $status:ident $code:literal, $title:literal, $advice:literal;)+) => {
        /// Every kind of problem that the API answers with.
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
    MalformedJson = BAD_REQUEST "malformed_json", "The body is not well-formed JSON",
        "Send one JSON value in UTF-8: no name twice in an object, no NUL in a string, no number out of range, nothing behind it.";
    InvalidBody = BAD_REQUEST "invalid_body", "The body does not have the documented fields",
        "A field is missing, unknown or of another JSON type; errors tells each of them by its JSON pointer.";
    InvalidParameter = BAD_REQUEST "invalid_parameter", "A parameter is not as documented",
        "A parameter of the path, the query or a header is unknown, given twice or malformed; errors tells each of them by its name.";
    InvalidCursor = BAD_REQUEST "invalid_cursor", "The cursor is not one of this list",
        "Use next_cursor as it was given, with the same filters. To change the filters, begin at the first page.";
    RouteNotFound = NOT_FOUND "route_not_found", "There is nothing at this path",
        "The paths are in the OpenAPI document at /openapi.json.";
    OrderNotFound = NOT_FOUND "order_not_found", "There is no such order",
        "Check the order id.";
    LineNotFound = NOT_FOUND "line_not_found", "The order has no such line",
        "Read the order: it tells its lines. The number of a line that was removed is not given again. Nothing was changed.";
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed", "The path does not allow this method",
        "The header Allow tells the methods.";
    NotAcceptable = NOT_ACCEPTABLE "not_acceptable", "There is no answer of the accepted kind",
        "Accept application/json, or send no Accept header.";
    RequestTimeout = REQUEST_TIMEOUT "request_timeout", "The request did not arrive in time",
        "Send the whole body without a pause.";
    LostRace = CONFLICT "lost_race", "Others kept changing the order at the same time",
        "Nothing was changed. Read the order and try again.";
    OrderNotOpen = CONFLICT "order_not_open", "The order is not open any more",
        "Items change, and an order is placed, only while it is open. Nothing was changed.";
    OrderEmpty = CONFLICT "order_empty", "The order has no items",
        "Add an item first. Nothing was changed.";
    OrderNotCancellable = CONFLICT "order_not_cancellable", "The order cannot be cancelled any more",
        "Only an order that is open or placed can be cancelled. Nothing was changed.";
    OrderNotPlaced = CONFLICT "order_not_placed", "The order is not placed",
        "Only an order that is placed can be fulfilled. Nothing was changed.";
    PositionRetired = GONE "position_retired", "The log does not go back so far",
        "Events that were asked for are no longer kept; for a position, earliest_position tells the oldest one that is. Read the orders as they are now, and follow the log from there.";
    PreconditionFailed = PRECONDITION_FAILED "precondition_failed", "The order is at another version",
        "Someone else changed the order since it was read: current_version tells to what. Read it, and decide again. What has no version matches no entity tag.";
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large", "The body is too large",
        "Send less, or split it into several requests.";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type", "The body is not declared as JSON",
        "Send Content-Type: application/json, and no charset but UTF-8.";
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE "range_not_satisfiable", "The file does not have this range",
        "Ask for the whole file.";
    ValidationFailed = UNPROCESSABLE_ENTITY "validation_failed", "A value breaks a rule",
        "errors tells each value by its JSON pointer, and the rule. Nothing was changed.";
    UnknownProduct = UNPROCESSABLE_ENTITY "unknown_product", "There is no such product",
        "The products are at /products. Nothing was changed.";
    TooManyLines = UNPROCESSABLE_ENTITY "too_many_lines", "An order cannot have so many lines",
        "An order has at most 200 lines. Nothing was changed.";
    CurrencyMismatch = UNPROCESSABLE_ENTITY "currency_mismatch", "The price is not in the currency of the order",
        "An order has one currency, and takes products that are priced in it. Nothing was changed.";
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused", "The idempotency key was used for another request",
        "A key names one request: method, path and body. Use a new key for another one. Nothing was changed.";
    BatchRejected = FAILED_DEPENDENCY "batch_rejected", "Another order of the batch was refused",
        "Nothing is wrong with this order. Mend the others, or send error_policy: partial.";
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "headers_too_large", "The headers are too large",
        "Send fewer or shorter headers.";
    Internal = INTERNAL_SERVER_ERROR "internal_error", "The service made a mistake",
        "Tell the operator the request id. A write may have happened: repeat it with the same Idempotency-Key.";
    StoreUnavailable = SERVICE_UNAVAILABLE "store_unavailable", "The database is away",
        "Try again after the seconds in Retry-After. A write may have happened: repeat it with the same Idempotency-Key.";
    PricingUnavailable = SERVICE_UNAVAILABLE "pricing_unavailable", "The pricing service is away",
        "Try again after the seconds in Retry-After. Nothing was changed.";
    TooManyStreams = SERVICE_UNAVAILABLE "too_many_streams", "Too many clients follow the log here",
        "Try again after the seconds in Retry-After, or ask another instance.";
    Draining = SERVICE_UNAVAILABLE "draining", "The service is shutting down",
        "Ask another instance.";
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
