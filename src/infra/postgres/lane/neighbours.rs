use std::ops::Range;

use sqlx::{PgConnection, query};

use crate::{app::RepoError, infra::postgres::errors::repo_error};

/// Other instances on the database, as positions tell that are not of this lane. Each transaction costs something, whatever is
/// in it: where two lanes write one after the other, each gathers sets while the other one writes, and both need fewer of them.
#[derive(Default)]
pub(super) struct Neighbours {
    /// The position after the last one that was written here, if any was.
    next: Option<u64>,
    /// For how many more transactions a neighbour counts that was met.
    met: u32,
}

/// A neighbour that was silent for so many transactions has gone.
const REMEMBERED: u32 = 64;

/// A transaction with so many sets has no need of more. Beside it, that of another instance may run: the database may have
/// processors to spare.
const ENOUGH_SETS: usize = 64;

/// The advisory lock of whoever writes: "lane" in ASCII.
const TURN: i64 = 0x6c61_6e65;

impl Neighbours {
    /// So many sets were written, with these positions.
    pub(super) fn wrote(&mut self, sets: usize, positions: &Range<u64>) {
        if positions.is_empty() {
            return;
        }
        let is_alone = self.next.is_none_or(|next| next == positions.start);
        self.met = if is_alone || sets >= ENOUGH_SETS { self.met.saturating_sub(1) } else { REMEMBERED };
        self.next = Some(positions.end);
    }

    /// Lets a neighbour write first whose turn it is. One that does not end it is not
    /// waited for again until it is met again.
    pub(super) async fn take_turn(&mut self, transaction: &mut PgConnection) -> Result<(), RepoError> {
        if self.met == 0 {
            return Ok(());
        }
        // It ends with the transaction.
        let turn = query!("select pg_advisory_xact_lock($1)", TURN).execute(transaction).await;
        turn.map(drop).map_err(repo_error).inspect_err(|_| self.met = 0)
    }
}
