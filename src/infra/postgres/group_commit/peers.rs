use std::{ops::Range, time::Duration};

use sqlx::{PgConnection, query};

use crate::{
    app::RepoError,
    infra::postgres::{connection::LOCK_TIMEOUT, errors::repo_error},
};

/// Other instances that write to the same database. Every transaction has a fixed cost, whatever it writes. Instances
/// that write in turns need fewer transactions: each gathers change sets while the other one writes.
///
/// A gap between the positions of this instance shows that a peer writes.
#[derive(Default)]
pub(super) struct Peers {
    /// The position after the last one that this instance wrote.
    next: Option<u64>,
    /// For so many more transactions, a peer is expected to write too.
    expected_for: u32,
}

/// A peer that has not written for so many transactions is gone.
const PEER_MEMORY: u32 = 64;

/// A batch with so many change sets gains nothing from waiting for more. It may run beside the transaction of a peer: the
/// database may have idle processors.
const FULL_ENOUGH: usize = 64;

/// A peer that keeps the write token for longer is stuck.
const WRITE_TOKEN_TIMEOUT: Duration = Duration::from_secs(1);

/// The number of the advisory lock that instances write under. It never changes: two releases may run side by side.
const WRITE_TOKEN: i64 = 0x6c61_6e65;

impl Peers {
    /// A batch has written so many change sets, with events at these positions.
    pub(super) fn record_batch(&mut self, sets: usize, positions: &Range<u64>) {
        if positions.is_empty() {
            return;
        }
        let is_alone = self.next.is_none_or(|next| next == positions.start);
        self.expected_for =
            if is_alone || sets >= FULL_ENOUGH { self.expected_for.saturating_sub(1) } else { PEER_MEMORY };
        self.next = Some(positions.end);
    }

    /// The next transaction takes the write token first.
    const fn are_expected(&self) -> bool {
        self.expected_for > 0
    }

    /// Does not take the token again until a peer is noticed again.
    const fn forget(&mut self) {
        self.expected_for = 0;
    }

    /// Waits for the write token if a peer is expected. The transaction gives it back when it ends.
    pub(super) async fn take_write_token(&mut self, transaction: &mut PgConnection) -> Result<(), RepoError> {
        if !self.are_expected() {
            return Ok(());
        }
        // PostgreSQL evaluates the select list from left to right.
        let taken = query!(
            "select set_config('lock_timeout', $2, true) as token_timeout, pg_advisory_xact_lock($1) as write_token,
                set_config('lock_timeout', $3, true) as lock_timeout",
            WRITE_TOKEN,
            format!("{}ms", WRITE_TOKEN_TIMEOUT.as_millis()),
            format!("{}ms", LOCK_TIMEOUT.as_millis()),
        )
        .fetch_one(transaction)
        .await;
        taken.map(drop).map_err(repo_error).inspect_err(|_| self.forget())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After these batches: how many change sets each had, and its positions.
    fn after(batches: &[(usize, Range<u64>)]) -> Peers {
        let mut peers = Peers::default();
        for (sets, positions) in batches {
            peers.record_batch(*sets, positions);
        }
        peers
    }

    #[test]
    fn an_instance_whose_positions_have_no_gap_is_alone() {
        assert!(!after(&[]).are_expected());
        assert!(!after(&[(1, 500..501)]).are_expected(), "the first batch cannot show a gap");
        assert!(!after(&[(1, 1..4), (2, 4..6), (1, 6..7)]).are_expected());
    }

    #[test]
    fn a_gap_between_two_batches_shows_a_peer() {
        assert!(after(&[(1, 1..4), (1, 5..6)]).are_expected());
    }

    #[test]
    fn a_batch_without_events_shows_nothing() {
        assert!(!after(&[(1, 1..4), (1, 0..0), (1, 4..5)]).are_expected());
    }

    #[test]
    fn an_instance_with_full_batches_does_not_wait_for_its_peers() {
        assert!(!after(&[(FULL_ENOUGH, 1..100), (FULL_ENOUGH, 200..300)]).are_expected());
    }

    #[test]
    fn a_peer_that_stops_writing_is_forgotten() {
        let mut peers = after(&[(1, 1..2), (1, 3..4)]);
        let next = 4..4 + u64::from(PEER_MEMORY);
        for position in next.clone() {
            assert!(peers.are_expected(), "at {position}");
            peers.record_batch(1, &(position..position + 1));
        }
        assert!(!peers.are_expected());
        peers.record_batch(1, &(next.end + 1..next.end + 2));
        assert!(peers.are_expected(), "it writes again");
    }
}
