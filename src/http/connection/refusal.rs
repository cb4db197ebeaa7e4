use crate::http::response::{code::Code, problem::Problem};

/// Why a head is not served. The framework sees a small request in its place, and the response is a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The text says what is wrong.
    Malformed(&'static str),
    TargetTooLong,
    HeadTooLarge,
    TimedOut,
    NoPlace,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(detail) => Self::new(Code::MalformedRequest, detail),
            Refusal::TargetTooLong => Self::new(Code::UriTooLong, "A request target has at most 65,534 bytes."),
            Refusal::HeadTooLarge => {
                Self::new(Code::HeadersTooLarge, "The head of a request has at most 96 headers and 128 KiB.")
            }
            Refusal::NoPlace => Self::new(
                Code::TooManyConnections,
                "The maximum number of connections is open. Try again in a moment, and use one connection for many requests.",
            ),
            Refusal::TimedOut => Self::new(Code::RequestTimeout, "The head of the request did not arrive in time."),
        }
    }
}
