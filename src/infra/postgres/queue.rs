use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use crate::app::RepoError;

use super::errors::SharedError;

/// A queue of requests that one task serves, many in one statement or transaction.
pub(super) struct Queue<W, A> {
    sender: mpsc::Sender<Job<W, A>>,
}

/// One queued request.
pub(super) struct Job<W, A> {
    pub(super) work: W,
    pub(super) queued_at: Instant,
    response: oneshot::Sender<Result<A, RepoError>>,
}

/// The maximum number of queued requests: more than a healthy database ever leaves waiting, in little memory.
pub(super) const CAPACITY: usize = 2048;

impl<W, A> Queue<W, A> {
    pub(super) fn new() -> (Self, mpsc::Receiver<Job<W, A>>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self { sender }, receiver)
    }

    /// Waits for the response. A full queue refuses the request at once. A request whose caller drops this future before
    /// the work begins is never executed.
    pub(super) async fn submit(&self, work: W) -> Result<A, RepoError> {
        let (response, responded) = oneshot::channel();
        let job = Job { work, queued_at: Instant::now(), response };
        self.sender.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                RepoError::Unavailable("too many requests wait for the database".into())
            }
            mpsc::error::TrySendError::Closed(_) => RepoError::Unavailable("the queue is closed".into()),
        })?;
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
