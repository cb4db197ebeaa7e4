use std::{
    array,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::sync::{mpsc, oneshot};

use crate::app::RepoError;

use super::{errors::SharedError, turns::TenantHash};

/// A queue of requests that one task serves, many in one statement or transaction.
pub(super) struct Queue<W, A> {
    sender: mpsc::UnboundedSender<Job<W, A>>,
    places: Arc<Places>,
}

/// One queued request.
pub(super) struct Job<W, A> {
    pub(super) work: W,
    pub(super) tenant: TenantHash,
    pub(super) queued_at: Instant,
    response: oneshot::Sender<Result<A, RepoError>>,
    _place: Place,
}

/// The maximum number of requests of all tenants that have no response yet: more than a healthy database ever leaves waiting,
/// in little memory.
const CAPACITY: usize = 8192;

/// The same of one tenant, so that none takes every place.
const CAPACITY_OF_TENANT: usize = 2048;

impl<W, A> Queue<W, A> {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Job<W, A>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, places: Arc::default() }, receiver)
    }

    /// Waits for the response. A full queue refuses the request at once. A request whose caller drops this future before
    /// the work begins is never executed.
    pub(super) async fn submit(&self, tenant: TenantHash, work: W) -> Result<A, RepoError> {
        let place = Places::take(&self.places, tenant);
        let place = place.ok_or_else(|| RepoError::Unavailable("too many requests wait for the database".into()))?;
        let (response, responded) = oneshot::channel();
        let job = Job { work, tenant, queued_at: Instant::now(), response, _place: place };
        self.sender.send(job).map_err(|_| RepoError::Unavailable("the queue is closed".into()))?;
        responded.await.unwrap_or_else(|_| Err(RepoError::Unavailable("the outcome is unknown".into())))
    }
}

impl<W, A> Job<W, A> {
    /// Nobody waits for the response any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.response.is_closed()
    }

    pub(super) fn respond(self, response: Result<A, RepoError>) {
        // A caller that has gone needs no response.
        let _ = self.response.send(response);
    }
}

/// Responds to each of these jobs with the same error.
pub(super) fn fail_all<W, A>(jobs: impl IntoIterator<Item = Job<W, A>>, error: RepoError) {
    let error = SharedError::new(error);
    for job in jobs {
        job.respond(Err(error.to_repo_error()));
    }
}

/// How many requests have no response yet.
struct Places {
    all: AtomicUsize,
    /// Tenants share a counter by chance.
    of_tenants: [AtomicUsize; 1024],
}

/// One request without a response.
struct Place {
    places: Arc<Places>,
    tenant: TenantHash,
}

impl Places {
    /// `None` if all places are taken, or all those of the tenant.
    fn take(places: &Arc<Self>, tenant: TenantHash) -> Option<Place> {
        let taken = places.of_tenant(tenant).fetch_add(1, Ordering::Relaxed);
        let all = places.all.fetch_add(1, Ordering::Relaxed);
        // Dropped below, it gives the place back.
        let place = Place { places: places.clone(), tenant };
        (taken < CAPACITY_OF_TENANT && all < CAPACITY).then_some(place)
    }

    #[expect(clippy::indexing_slicing, reason = "the index is a remainder")]
    #[expect(clippy::cast_possible_truncation, reason = "of a hash any part will do")]
    const fn of_tenant(&self, tenant: TenantHash) -> &AtomicUsize {
        &self.of_tenants[tenant.0 as usize % self.of_tenants.len()]
    }
}

impl Default for Places {
    fn default() -> Self {
        Self { all: AtomicUsize::default(), of_tenants: array::from_fn(|_| AtomicUsize::default()) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.of_tenant(self.tenant).fetch_sub(1, Ordering::Relaxed);
        self.places.all.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_has_all_its_places_leaves_places_for_the_others() {
        let places = Arc::default();
        let [loud, quiet] = ["loud", "quiet"].map(TenantHash::of);
        let mut taken: Vec<Place> = (0..CAPACITY_OF_TENANT).map(|_| Places::take(&places, loud).unwrap()).collect();
        assert!(Places::take(&places, loud).is_none());
        assert!(Places::take(&places, quiet).is_some());
        taken.pop();
        assert!(Places::take(&places, loud).is_some(), "a place is free again");
        // Some of them share a counter with the loud one.
        taken.extend((0..10_000).filter_map(|n: u32| Places::take(&places, TenantHash::of(&n.to_string()))));
        assert_eq!(taken.len(), CAPACITY);
    }
}
