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
    line::{Line, Waiting},
    write,
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

    /// Writes batch after batch until nobody waits any more. An error is about the batch that is under way.
    async fn write_all(&self, connection: &mut PgConnection, line: &mut Line) -> Result<(), RepoError> {
        if !line.advance() {
            return Ok(());
        }
        let mut transaction = in_time(async { connection.begin().await.map_err(repo_error) }).await?;
        loop {
            let gate = self.gate.close();
            self.listeners.begun(line.batch().iter().map(|job| job.since));
            let sets: Vec<&ChangeSet> = line.batch().iter().map(|job| &job.work).collect();
            let written = in_time(write(&mut transaction, &sets)).await?;
            if written.is_spoilt {
                line.settle(&written);
                return in_time(async { transaction.rollback().await.map_err(repo_error) }).await;
            }
            drop(gate);
            let is_last = line.is_empty();
            if is_last {
                in_time(async { transaction.commit().await.map_err(commit_error) }).await?;
                self.tell(written.first_position, line.settle(&written));
                return Ok(());
            }
            // The next transaction begins without a statement of its own.
            in_time(async { transaction.execute("COMMIT AND CHAIN").await.map_err(commit_error) }).await?;
            self.tell(written.first_position, line.settle(&written));
            if !line.advance() {
                return in_time(async { transaction.rollback().await.map_err(repo_error) }).await;
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
