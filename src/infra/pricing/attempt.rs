use std::time::Duration;

use reqwest::{Response, StatusCode, header};

use super::answer::MalformedResponse;

/// In seconds. The same call does not try again if the service asks for a longer wait.
const MAX_RETRY_AFTER: u64 = 2;

const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Why an attempt failed. No message contains the URL, which may have a password.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    #[error("the pricing service did not respond")]
    NoResponse(#[source] reqwest::Error),
    #[error("the pricing service responded with {status}")]
    Status { status: StatusCode, retry_after: Option<u64> },
    #[error("the response of the pricing service has more than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
    #[error("the response of the pricing service is malformed")]
    Malformed(#[from] MalformedResponse),
}

/// The circuit breaker is open: there was no attempt.
#[derive(Debug, thiserror::Error)]
#[error("the pricing service failed repeatedly and gets no requests for a while")]
pub(super) struct BreakerOpen;

impl From<reqwest::Error> for AttemptError {
    fn from(error: reqwest::Error) -> Self {
        Self::NoResponse(error.without_url())
    }
}

impl AttemptError {
    /// The pause before the next attempt. `None` if another attempt would fail too.
    pub(super) fn pause(&self, backoff: Duration) -> Option<Duration> {
        // Full jitter spreads the next attempts of callers that failed together.
        let jitter = backoff.mul_f64(fastrand::f64());
        match self {
            Self::NoResponse(_) => Some(jitter),
            Self::Status { status, retry_after } => {
                let is_busy = *status == StatusCode::TOO_MANY_REQUESTS;
                let may_pass = is_busy || *status == StatusCode::REQUEST_TIMEOUT || status.is_server_error();
                match retry_after {
                    Some(seconds) if may_pass && *seconds <= MAX_RETRY_AFTER => {
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

/// The body of a response with status 200. Any other status is an error.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, AttemptError> {
    if response.status() != StatusCode::OK {
        return Err(AttemptError::Status { status: response.status(), retry_after: retry_after(&response) });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(AttemptError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// In seconds. The header may have a date instead (RFC 9110, section 10.2.3), which counts as very long.
fn retry_after(response: &Response) -> Option<u64> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    Some(value.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX))
}
