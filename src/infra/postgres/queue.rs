use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use crate::app::RepoError;

use super::errors::SharedError;

/// Where requests wait to be done together with others.
pub(super) struct Queue<W, A> {
    sender: mpsc::Sender<Job<W, A>>,
}

/// A piece of work, and whoever waits for its answer.
pub(super) struct Job<W, A> {
    pub(super) work: W,
    pub(super) queued_at: Instant,
    answer: oneshot::Sender<Result<A, RepoError>>,
}

/// How many requests may wait. More than a healthy database leaves waiting at any time, and little memory.
const CAPACITY: usize = 2048;

impl<W, A> Queue<W, A> {
    pub(super) fn new() -> (Self, mpsc::Receiver<Job<W, A>>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self { sender }, receiver)
    }

    /// Waits for the answer. Refused at once when too many wait already. Work that is given up before it began is never done.
    pub(super) async fn submit(&self, work: W) -> Result<A, RepoError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { work, queued_at: Instant::now(), answer };
        self.sender.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                RepoError::Unavailable("too many requests wait for the database".into())
            }
            mpsc::error::TrySendError::Closed(_) => RepoError::Unavailable("nobody serves the queue".into()),
        })?;
        answered.await.unwrap_or_else(|_| Err(RepoError::Unavailable("the answer was lost".into())))
    }
}

impl<W, A> Job<W, A> {
    /// Nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn respond(self, answer: Result<A, RepoError>) {
        // Whoever has gone needs none.
        let _ = self.answer.send(answer);
    }
}

/// The same error for each of many who wait.
pub(super) fn fail_all<W, A>(jobs: impl IntoIterator<Item = Job<W, A>>, error: RepoError) {
    let error = SharedError::new(error);
    for job in jobs {
        job.respond(Err(error.to_repo_error()));
    }
}
