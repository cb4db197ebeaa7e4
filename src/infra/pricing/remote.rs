use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, RequestBuilder, Url, header, redirect};
use tokio::time::{Instant, sleep};

use crate::{
    app::{PricingError, PricingService, Product},
    domain::Sku,
    trace::TraceContext,
};

use super::{
    answer::parse,
    attempt::{AttemptError, BreakerOpen, body},
    breaker::{Breaker, BreakerSettings, BreakerState},
    product::by_name,
};

/// The maximum number of attempts of one call.
const ATTEMPTS: usize = 3;

/// The URL of so many SKUs has less than 3 KB, which every server accepts. A batch of orders may need more SKUs.
const MAX_SKUS_PER_REQUEST: usize = 200;

/// A pricing service with an HTTP API. docs/API.md defines its requests and responses.
#[derive(Clone, Debug)]
pub struct HttpPricing(Arc<Remote>);

#[derive(Debug)]
struct Remote {
    client: Client,
    products: Url,
    settings: PricingSettings,
    breaker: Breaker,
    ok: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
pub struct PricingSettings {
    /// The timeout of one attempt, from the connection to the end of the response.
    pub timeout: Duration,
    /// The longest pause after the first attempt. It doubles after the second one.
    pub backoff: Duration,
    pub breaker: BreakerSettings,
}

#[derive(Debug, thiserror::Error)]
pub enum PricingSetupError {
    /// The message does not contain the URL, which may have a password.
    #[error("it is not a base URL like http://prices.example.com/v1: http or https, a host, no query and no fragment")]
    Url,
    #[error("cannot create an HTTP client")]
    Client(#[from] reqwest::Error),
}

/// The number of calls, by their outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PricingOutcomes {
    pub ok: u64,
    /// All attempts of the call failed.
    pub failed: u64,
    /// The circuit breaker was open.
    pub rejected: u64,
}

impl PricingSettings {
    pub fn new(timeout: Duration) -> Self {
        let breaker =
            BreakerSettings { failures: 5, pause: Duration::from_secs(5), longest_pause: Duration::from_mins(1) };
        Self { timeout, backoff: Duration::from_millis(100), breaker }
    }
}

impl HttpPricing {
    /// The client requests `products` below the base URL. It sends credentials of the URL as Basic authentication.
    pub fn new(base: &str, settings: PricingSettings) -> Result<Self, PricingSetupError> {
        let products = products_url(base).ok_or(PricingSetupError::Url)?;
        // sqlx uses ring, too. Without an installed provider reqwest panics.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("orders/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .redirect(redirect::Policy::none())
            // A proxy of the environment must not receive the requests.
            .no_proxy();
        if products.scheme() == "http" {
            // Plain HTTP needs no certificates, which the machine may not have.
            client = client.tls_certs_only([]);
        }
        Ok(Self(Arc::new(Remote {
            client: client.build()?,
            products,
            settings,
            breaker: Breaker::new(settings.breaker),
            ok: AtomicU64::default(),
            failed: AtomicU64::default(),
            rejected: AtomicU64::default(),
        })))
    }

    pub fn breaker_state(&self) -> BreakerState {
        self.0.breaker.state(Instant::now())
    }

    pub fn outcomes(&self) -> PricingOutcomes {
        let Remote { ok, failed, rejected, .. } = &*self.0;
        let [ok, failed, rejected] = [ok, failed, rejected].map(|count| count.load(Ordering::Relaxed));
        PricingOutcomes { ok, failed, rejected }
    }
}

fn products_url(base: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    let is_base = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    url.path_segments_mut().ok()?.pop_if_empty().push("products");
    is_base.then_some(url)
}

impl PricingService for HttpPricing {
    async fn find(&self, skus: &[Sku]) -> Result<Vec<Option<Product>>, PricingError> {
        let mut wanted = skus.to_vec();
        wanted.sort();
        wanted.dedup();
        let mut found = BTreeMap::new();
        for part in wanted.chunks(MAX_SKUS_PER_REQUEST) {
            found.extend(self.0.call(Some(part)).await?);
        }
        Ok(skus.iter().map(|sku| found.get(sku).cloned()).collect())
    }

    async fn list(&self) -> Result<Vec<Product>, PricingError> {
        Ok(by_name(self.0.call(None).await?.into_values()))
    }

    fn answers(&self) -> bool {
        self.0.breaker.has_no_failure()
    }
}

impl Remote {
    /// The products of these SKUs. `None` requests all.
    async fn call(&self, skus: Option<&[Sku]>) -> Result<BTreeMap<Sku, Product>, PricingError> {
        let Some(permit) = self.breaker.admit(Instant::now()) else {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            return Err(PricingError(BreakerOpen.into()));
        };
        match self.attempts(skus).await {
            Ok(products) => {
                permit.succeeded();
                self.ok.fetch_add(1, Ordering::Relaxed);
                Ok(products)
            }
            Err(error) => {
                permit.failed(Instant::now());
                self.failed.fetch_add(1, Ordering::Relaxed);
                Err(PricingError(error.into()))
            }
        }
    }

    async fn attempts(&self, skus: Option<&[Sku]>) -> Result<BTreeMap<Sku, Product>, AttemptError> {
        let mut backoff = self.settings.backoff;
        for _ in 1..ATTEMPTS {
            match self.attempt(skus).await {
                Err(error) if let Some(pause) = error.pause(backoff) => {
                    log::debug!("the next attempt to reach the pricing service is in {pause:?}: {error}");
                    sleep(pause).await;
                    backoff *= 2;
                }
                settled => return settled,
            }
        }
        self.attempt(skus).await
    }

    async fn attempt(&self, skus: Option<&[Sku]>) -> Result<BTreeMap<Sku, Product>, AttemptError> {
        let response = self.request(skus).send().await?;
        Ok(parse(&body(response).await?, skus)?)
    }

    /// Builds every request, with its headers.
    fn request(&self, skus: Option<&[Sku]>) -> RequestBuilder {
        let mut url = self.products.clone();
        if let Some(skus) = skus {
            // A SKU has only letters and digits: nothing to escape.
            let skus: Vec<&str> = skus.iter().map(Sku::as_str).collect();
            url.set_query(Some(&format!("sku={}", skus.join(","))));
        }
        let request = self.client.get(url).header(header::ACCEPT, "application/json");
        match TraceContext::current() {
            Some(trace) => request.header("traceparent", trace.traceparent(fastrand::u64(..))),
            None => request,
        }
    }
}
