use actix_web::http::StatusCode;

/// Every kind of problem that the API answers with. The code is stable; programs decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    MalformedJson,
    InvalidBody,
    InvalidParameter,
    InvalidCursor,
    RouteNotFound,
    OrderNotFound,
    MethodNotAllowed,
    BodyTimeout,
    OrderNotOpen,
    LostRace,
    BodyTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    UnknownProduct,
    TooManyLines,
    CurrencyMismatch,
    Internal,
    StoreUnavailable,
    PricingUnavailable,
    Draining,
}

impl Code {
    pub(super) const fn as_str(self) -> &'static str {
        self.describe().1
    }

    pub(super) const fn title(self) -> &'static str {
        self.describe().2
    }

    pub(super) const fn status(self) -> StatusCode {
        self.describe().0
    }

    /// Status, code and title, in one place.
    const fn describe(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => (S::BAD_REQUEST, "malformed_json", "The body is not well-formed JSON"),
            Self::InvalidBody => (S::BAD_REQUEST, "invalid_body", "The body does not have the documented fields"),
            Self::InvalidParameter => (S::BAD_REQUEST, "invalid_parameter", "A parameter is not as documented"),
            Self::InvalidCursor => (S::BAD_REQUEST, "invalid_cursor", "The cursor is not one of this list"),
            Self::RouteNotFound => (S::NOT_FOUND, "route_not_found", "There is nothing at this path"),
            Self::OrderNotFound => (S::NOT_FOUND, "order_not_found", "There is no such order"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not allow this method")
            }
            Self::BodyTimeout => (S::REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time"),
            Self::OrderNotOpen => (S::CONFLICT, "order_not_open", "The order is not open any more"),
            Self::LostRace => (S::CONFLICT, "lost_race", "Others kept changing the order at the same time"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body is not declared as JSON")
            }
            Self::ValidationFailed => (S::UNPROCESSABLE_ENTITY, "validation_failed", "A value breaks a rule"),
            Self::UnknownProduct => (S::UNPROCESSABLE_ENTITY, "unknown_product", "There is no such product"),
            Self::TooManyLines => (S::UNPROCESSABLE_ENTITY, "too_many_lines", "An order cannot have so many lines"),
            Self::CurrencyMismatch => {
                (S::UNPROCESSABLE_ENTITY, "currency_mismatch", "The price is not in the currency of the order")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal_error", "The service made a mistake"),
            Self::StoreUnavailable => (S::SERVICE_UNAVAILABLE, "store_unavailable", "The database is away"),
            Self::PricingUnavailable => (S::SERVICE_UNAVAILABLE, "pricing_unavailable", "The pricing service is away"),
            Self::Draining => (S::SERVICE_UNAVAILABLE, "draining", "The service is shutting down"),
        }
    }
}
