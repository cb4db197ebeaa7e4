use std::{convert::Infallible, fmt, net::IpAddr, sync::Arc, time::Duration};

use crate::app::{Quota, RateLimiter};

use super::{failures::Failures, local::LocalLimiter, rate::Rate, shared::SharedLimiter};

/// How often callers may ask.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// For each caller. `None` for no limit.
    pub rate: Option<Rate>,
    /// For the wrong credentials of each address.
    pub failures: Rate,
    /// Where all instances share the quotas. Each has its own without it.
    pub redis_url: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("it is not a URL like redis://user:password@host:6379/0")]
pub struct LimitsError;

/// The quotas of all callers.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    quotas: Quotas,
    failures: Failures,
}

enum Quotas {
    Unlimited,
    Local(LocalLimiter<String>),
    Shared(Box<SharedLimiter>),
}

impl Limits {
    /// `instance` is the name of this process among all instances.
    pub fn new(settings: LimitSettings, instance: String) -> Result<Self, LimitsError> {
        let LimitSettings { rate, failures, redis_url } = settings;
        let quotas = match (rate, redis_url) {
            (None, _) => Quotas::Unlimited,
            (Some(rate), None) => Quotas::Local(LocalLimiter::new(rate)),
            (Some(rate), Some(url)) => {
                // The error would show the URL, which may have a password.
                let shared = SharedLimiter::new(rate, &url, instance).map_err(|_| LimitsError)?;
                Quotas::Shared(Box::new(shared))
            }
        };
        Ok(Self(Arc::new(Inner { quotas, failures: Failures::new(failures) })))
    }

    /// How many instances share the quotas now; 0 while Redis is away. `None` where they do not.
    pub fn sharing(&self) -> Option<u32> {
        match &self.0.quotas {
            Quotas::Shared(shared) => Some(shared.sharing()),
            Quotas::Unlimited | Quotas::Local(_) => None,
        }
    }

    /// Keeps the connection to Redis, for as long as the service runs.
    pub async fn keep_connected(self) -> Infallible {
        match &self.0.quotas {
            Quotas::Shared(shared) => shared.keep_connected().await,
            Quotas::Unlimited | Quotas::Local(_) => std::future::pending().await,
        }
    }
}

impl RateLimiter for Limits {
    fn is_limited(&self) -> bool {
        !matches!(self.0.quotas, Quotas::Unlimited)
    }

    async fn take(&self, caller: &str) -> Option<Quota> {
        match &self.0.quotas {
            Quotas::Unlimited => None,
            Quotas::Local(limiter) => Some(limiter.take(&caller.to_owned())),
            Quotas::Shared(shared) => Some(shared.take(caller).await),
        }
    }

    fn may_try(&self, address: IpAddr) -> Result<(), Duration> {
        self.0.failures.may_try(address)
    }

    fn failed(&self, address: IpAddr) {
        self.0.failures.count(address);
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}
