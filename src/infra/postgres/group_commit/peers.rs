use std::{ops::Range, time::Duration};

use sqlx::{PgConnection, query};

use crate::{
    app::RepoError,
    infra::postgres::{connection::LOCK_TIMEOUT, errors::repo_error},
};

/// Other instances on the database, as positions tell that are not of this lane. Each transaction costs something, whatever is
/// in it: where two lanes write one after the other, each gathers sets while the other one writes, and both need fewer of them.
#[derive(Default)]
pub(super) struct Peers {
    /// The position after the last one that was written here, if any was.
    next: Option<u64>,
    /// For how many more transactions a neighbour counts that was met.
    memory: u32,
}

/// A neighbour that was silent for so many transactions has gone.
const PEER_MEMORY: u32 = 64;

/// A transaction with so many sets has no need of more. Beside it, that of another instance may run: the database may have
/// processors to spare.
const ENOUGH_SETS: usize = 64;

/// A neighbour that has not ended its transaction for so long is stuck, and no reason to wait.
const WRITE_TOKEN_TIMEOUT: Duration = Duration::from_secs(1);

/// The advisory lock of whoever writes: "lane" in ASCII.
const WRITE_TOKEN: i64 = 0x6c61_6e65;

impl Peers {
    /// So many sets were written, with these positions.
    pub(super) fn record_batch(&mut self, sets: usize, positions: &Range<u64>) {
        if positions.is_empty() {
            return;
        }
        let is_alone = self.next.is_none_or(|next| next == positions.start);
        self.memory = if is_alone || sets >= ENOUGH_SETS { self.memory.saturating_sub(1) } else { PEER_MEMORY };
        self.next = Some(positions.end);
    }

    /// Lets a neighbour write first whose turn it is. One that does not end it is not waited for again until it is met again.
    pub(super) async fn take_write_token(&mut self, transaction: &mut PgConnection) -> Result<(), RepoError> {
        if self.memory == 0 {
            return Ok(());
        }
        // The lock ends with the transaction. What is selected is evaluated in its order.
        let taken = query!(
            "select set_config('lock_timeout', $2, true) as patient, pg_advisory_xact_lock($1) as turn,
                set_config('lock_timeout', $3, true) as as_before",
            WRITE_TOKEN,
            format!("{}ms", WRITE_TOKEN_TIMEOUT.as_millis()),
            format!("{}ms", LOCK_TIMEOUT.as_millis()),
        )
        .fetch_one(transaction)
        .await;
        taken.map(drop).map_err(repo_error).inspect_err(|_| self.memory = 0)
    }
}
