use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    app::{OrderQueries, Ports, PricingService},
    http::response::{code::Code, problem::Problem},
};

/// The dependencies that refuse requests now. The log has one line at the begin of such an outage, and one at its end with the
/// number of refused requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outages {
    store: Outage,
    pricing: Outage,
}

#[derive(Clone, Debug, Default)]
struct Outage(Arc<Mutex<Option<Refusals>>>);

/// What a dependency has refused since its outage began.
#[derive(Clone, Copy, Debug)]
struct Refusals {
    begun: Instant,
    last: Instant,
    requests: u64,
}

/// How often a dependency is checked during its outage.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// An outage ends when the dependency answers and has refused nothing for so long.
const QUIET: Duration = Duration::from_secs(1);

impl Outages {
    /// Counts a problem that a dependency has caused. `true` for the first one of an outage: the log gets a line about it, and
    /// one when the dependency is back.
    pub(crate) fn begins<P: Ports>(&self, ports: &P, problem: &Problem) -> bool {
        // A problem without a cause is about the service itself, for example its start.
        match problem.code {
            Code::StoreUnavailable if problem.cause.is_some() => {
                self.store.begins("the database", ports, store_answers)
            }
            Code::PricingUnavailable => self.pricing.begins("the pricing service", ports, pricing_answers),
            _ => false,
        }
    }
}

async fn store_answers<P: Ports>(ports: P) -> bool {
    ports.store().ready().await.is_ok()
}

async fn pricing_answers<P: Ports>(ports: P) -> bool {
    ports.pricing().answers()
}

impl Outage {
    fn begins<P, F>(&self, name: &'static str, ports: &P, answers: fn(P) -> F) -> bool
    where
        P: Ports,
        F: Future<Output = bool> + 'static,
    {
        let is_first = self.count();
        if is_first {
            let (outage, ports) = (self.clone(), ports.clone());
            actix_web::rt::spawn(async move {
                let ended = outage.ended(async || answers(ports.clone()).await).await;
                let seconds = ended.last.duration_since(ended.begun).as_secs_f32();
                log::warn!(
                    refused = ended.requests, seconds = seconds;
                    "{name} answers again; it refused {} requests within {seconds:.1} s", ended.requests
                );
            });
        }
        is_first
    }

    /// Counts a refused request. `true` for the first one.
    fn count(&self) -> bool {
        let (now, mut current) = (Instant::now(), self.current());
        let before = *current;
        let begun = before.map_or(now, |refusals| refusals.begun);
        *current = Some(Refusals { begun, last: now, requests: before.map_or(0, |refusals| refusals.requests) + 1 });
        before.is_none()
    }

    /// Waits for the end of the outage.
    async fn ended(&self, answers: impl AsyncFn() -> bool) -> Refusals {
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            if answers().await
                && let Some(ended) = self.current().take_if(|refusals| refusals.last.elapsed() >= QUIET)
            {
                return ended;
            }
        }
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn current(&self) -> MutexGuard<'_, Option<Refusals>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
