use futures_util::TryFutureExt;
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::mpsc::Receiver;

use crate::{
    app::RepoError,
    infra::postgres::{
        connections::{Connections, DEADLINE, unanswered},
        errors::{commit_error, repo_error},
    },
};

use super::{
    ChangeSet, Gate, Listeners,
    batch::{Written, with_taken_key, write},
    line::{Line, Waiting},
};

/// The task behind the lane.
pub(super) struct Writer {
    pub(super) connections: Connections,
    pub(super) listeners: Listeners,
    pub(super) gate: Gate,
}

/// How many are told before the lane has a turn on the thread.
const TOLD_AT_ONCE: usize = 16;

impl Writer {
    pub(super) async fn run(self, queue: Receiver<Waiting>) {
        let mut line = Line::new(queue);
        // Alone, a set waits for nobody; under load, all that came during the last transaction go together.
        while line.is_asked().await {
            match self.connections.take().await {
                Ok(mut connection) => match self.write_all(&mut connection, &mut line).await {
                    Ok(()) => connection.done(),
                    Err(error) => {
                        connection.close();
                        line.fail(error);
                    }
                },
                Err(error) => line.refuse_all(error),
            }
        }
    }

    /// Writes batch after batch until nobody waits any more, or one is to be tried again. An error is about the batch that is
    /// under way.
    async fn write_all(&self, connection: &mut PgConnection, line: &mut Line) -> Result<(), RepoError> {
        if !line.advance() {
            return Ok(());
        }
        let mut transaction = in_time(connection.begin().map_err(repo_error)).await?;
        loop {
            let gate = self.gate.close();
            self.listeners.begun(line.batch().iter().map(|job| job.since));
            let sets: Vec<&ChangeSet> = line.batch().iter().map(|job| &job.work).collect();
            let written = match in_time(write(&mut transaction, &sets)).await {
                Ok(written) if !written.is_spoilt => written,
                Ok(Written { refusals, .. }) => {
                    line.retry(&refusals);
                    return in_time(transaction.rollback().map_err(repo_error)).await;
                }
                // What failed has to be rolled back before it can be seen whose it is.
                Err(RepoError::KeyTaken) => {
                    in_time(transaction.rollback().map_err(repo_error)).await?;
                    let refusals = in_time(with_taken_key(connection, &sets)).await?;
                    if refusals.is_empty() {
                        return Err(RepoError::KeyTaken);
                    }
                    line.retry(&refusals);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            drop(gate);
            if line.is_empty() {
                in_time(transaction.commit().map_err(commit_error)).await?;
                self.tell(written.first_position, line.written(&written.refusals));
                return Ok(());
            }
            // The next transaction begins without a statement of its own.
            in_time(transaction.execute("COMMIT AND CHAIN").map_err(commit_error)).await?;
            self.tell(written.first_position, line.written(&written.refusals));
            if !line.advance() {
                return in_time(transaction.rollback().map_err(repo_error)).await;
            }
        }
    }

    /// Tells all who have been written. The next transaction begins meanwhile.
    fn tell(&self, first_position: Option<u64>, written: Vec<Waiting>) {
        if !written.is_empty() {
            tokio::spawn(tell(self.listeners.clone(), first_position, written));
        }
    }
}

async fn tell(listeners: Listeners, first_position: Option<u64>, written: Vec<Waiting>) {
    listeners.committed(first_position, written.iter().map(|job| &job.work));
    for (n, mut job) in (1..).zip(written) {
        job.work.leave_states();
        job.answer(Ok(()));
        if n % TOLD_AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn in_time<T>(step: impl Future<Output = Result<T, RepoError>>) -> Result<T, RepoError> {
    tokio::time::timeout(DEADLINE, step).await.unwrap_or_else(|_| Err(unanswered()))
}
