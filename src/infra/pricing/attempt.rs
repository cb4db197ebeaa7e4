use std::time::Duration;

use reqwest::{Response, StatusCode, header};

use super::answer::MalformedAnswer;

/// A service that asks for more patience than this is not tried again by the same call.
const LONGEST_RETRY_AFTER: u64 = 2;

const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Why one try came to nothing. No text of it has the address: there may be a password in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    #[error("the pricing service did not answer")]
    NoAnswer(#[source] reqwest::Error),
    #[error("the pricing service answered {status}")]
    Status { status: StatusCode, retry_after: Option<u64> },
    #[error("the pricing service answered with more than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    #[error("the answer of the pricing service is malformed")]
    Malformed(#[from] MalformedAnswer),
}

/// There was no try.
#[derive(Debug, thiserror::Error)]
#[error("the pricing service failed so often that it is left alone for a while")]
pub(super) struct LeftAlone;

impl From<reqwest::Error> for AttemptError {
    fn from(error: reqwest::Error) -> Self {
        Self::NoAnswer(error.without_url())
    }
}

impl AttemptError {
    /// How long to wait before the next try; `None` where it would end like this one.
    pub(super) fn pause(&self, backoff: Duration) -> Option<Duration> {
        // Full jitter: callers that failed together come back apart.
        let jitter = backoff.mul_f64(fastrand::f64());
        match self {
            Self::NoAnswer(_) => Some(jitter),
            Self::Status { status, retry_after } => {
                let is_busy = *status == StatusCode::TOO_MANY_REQUESTS;
                let may_pass = is_busy || *status == StatusCode::REQUEST_TIMEOUT || status.is_server_error();
                match retry_after {
                    Some(seconds) if may_pass && *seconds <= LONGEST_RETRY_AFTER => {
                        Some(Duration::from_secs(*seconds) + jitter)
                    }
                    None if may_pass && !is_busy => Some(jitter),
                    _ => None,
                }
            }
            Self::TooLarge | Self::Malformed(_) => None,
        }
    }
}

/// The body of a 200; anything else is a failure.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, AttemptError> {
    if response.status() != StatusCode::OK {
        return Err(AttemptError::Status { status: response.status(), retry_after: retry_after(&response) });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(AttemptError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// In seconds. A date, which is allowed too (RFC 9110, section 10.2.3), counts as far away.
fn retry_after(response: &Response) -> Option<u64> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    Some(value.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX))
}
