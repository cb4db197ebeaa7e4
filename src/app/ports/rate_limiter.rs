use std::{future::Future, net::IpAddr, time::Duration};

/// Limits how often callers may ask.
pub trait RateLimiter: Clone + Send + Sync + 'static {
    /// Whether there is a limit. Without one, `take` need not be called.
    fn is_limited(&self) -> bool;

    /// Takes one request from the quota of this caller. `None` where there is no limit.
    fn take(&self, caller: &str) -> impl Future<Output = Option<Quota>> + Send;

    /// Whether this address may try another credential.
    fn may_try(&self, address: IpAddr) -> Result<(), Duration>;

    /// This address has sent a wrong credential.
    fn failed(&self, address: IpAddr);
}

/// What is left for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// So many requests are allowed in each window.
    pub limit: u32,
    pub window: Duration,
    pub remaining: u32,
    /// When the next request is allowed that is not allowed now, or when one more is.
    pub reset: Duration,
    pub is_exceeded: bool,
}
