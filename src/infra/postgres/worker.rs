use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::{app::RepoError, infra::background::panic_message};

/// The task that serves a queue.
pub(super) trait Worker: Send + 'static {
    const NAME: &'static str;

    /// Serves the queue until nobody can submit to it any more.
    fn serve(&mut self) -> impl Future<Output = ()> + Send;

    /// Responds with this error to every job that was taken out of the queue, after a panic of `serve`. One of them may
    /// have caused the panic, and would cause it again.
    fn fail_taken(&mut self, error: RepoError);
}

/// Runs a worker until its queue ends. A panic fails the jobs that the worker has taken, and is logged as an error; the
/// worker then serves the next jobs. Without that, every later request would fail until somebody restarts the process.
pub(super) async fn run(mut worker: impl Worker) {
    while let Err(panic) = AssertUnwindSafe(worker.serve()).catch_unwind().await {
        log::error!("{} panicked and starts again: {}", name(&worker), panic_message(&*panic));
        worker.fail_taken(RepoError::Unavailable("the task that serves the request panicked".into()));
    }
}

fn name<W: Worker>(_worker: &W) -> &'static str {
    W::NAME
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::{
        super::{
            queue::{Job, Queue, fail_all},
            turns::TenantHash,
        },
        *,
    };

    const TENANT: TenantHash = TenantHash(0);

    /// Divides 100 by each number, two numbers at a time.
    struct Divider {
        receiver: UnboundedReceiver<Job<u32, u32>>,
        taken: Vec<Job<u32, u32>>,
    }

    impl Worker for Divider {
        const NAME: &'static str = "the divider";

        async fn serve(&mut self) {
            while self.receiver.recv_many(&mut self.taken, 2).await > 0 {
                for at in (0..self.taken.len()).rev() {
                    let result = 100 / self.taken[at].work;
                    self.taken.remove(at).respond(Ok(result));
                }
            }
        }

        fn fail_taken(&mut self, error: RepoError) {
            fail_all(self.taken.drain(..), error);
        }
    }

    #[tokio::test]
    async fn a_panic_fails_the_jobs_in_progress_and_the_next_ones_are_served() {
        let (queue, receiver) = Queue::new();
        let running = tokio::spawn(run(Divider { receiver, taken: Vec::new() }));
        let (first, zero, next) =
            tokio::join!(queue.submit(TENANT, 5), queue.submit(TENANT, 0), queue.submit(TENANT, 4));
        assert!(matches!(first, Err(RepoError::Unavailable(_))), "{first:?}");
        assert!(matches!(zero, Err(RepoError::Unavailable(_))), "{zero:?}");
        assert_eq!(next.unwrap(), 25);
        assert_eq!(queue.submit(TENANT, 10).await.unwrap(), 10);
        drop(queue);
        running.await.expect("it ends with its queue");
    }
}
