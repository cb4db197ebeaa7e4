//! Fairness: one tenant's flood neither starves nor delays another tenant.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

/// Stands for a tenant where much is compared. Two tenants may have the same one; then they share their turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TenantHash(pub(super) u64);

impl TenantHash {
    pub(super) fn of(tenant: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Sorts what waits so that each tenant has its turn: the first piece of each tenant, then the second of each, and so on. What
/// belongs to one tenant stays in its order.
pub(super) fn in_turns<T>(waiting: &mut Vec<T>, tenant: impl Fn(&T) -> TenantHash) {
    let mut counts = HashMap::<TenantHash, usize>::new();
    let rounds = waiting.iter().map(|piece| {
        let round = counts.entry(tenant(piece)).or_default();
        *round += 1;
        *round
    });
    let rounds: Vec<usize> = rounds.collect();
    // Nothing to move, e.g. where each tenant has one piece.
    if rounds.is_sorted() {
        return;
    }
    let mut sorted: Vec<(usize, T)> = rounds.into_iter().zip(waiting.drain(..)).collect();
    sorted.sort_by_key(|(round, _)| *round);
    waiting.extend(sorted.into_iter().map(|(_, piece)| piece));
}

/// Whether more than one tenant was served lately. Then no tenant may fill a whole batch: the others would wait for it.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    last: Option<TenantHash>,
    until: Option<Instant>,
}

/// A tenant that was not served for so long is not waited for.
const SHARED_FOR: Duration = Duration::from_secs(1);

impl Sharing {
    /// These tenants are served now. Returns whether others were, too, lately.
    pub(super) fn serve(&mut self, tenants: impl Iterator<Item = TenantHash>) -> bool {
        let now = Instant::now();
        for tenant in tenants {
            if self.last.replace(tenant).is_some_and(|last| last != tenant) {
                self.until = Some(now + SHARED_FOR);
            }
        }
        self.until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_its_turn_and_keeps_its_own_order() {
        let sorted = |waiting: &str| {
            let mut waiting: Vec<String> = waiting.split(' ').map(str::to_owned).collect();
            in_turns(&mut waiting, |piece| TenantHash::of(&piece[..1]));
            waiting.join(" ")
        };
        assert_eq!(sorted("a1 a2 a3"), "a1 a2 a3");
        assert_eq!(sorted("a1 a2 a3 a4 b1"), "a1 b1 a2 a3 a4");
        assert_eq!(sorted("a1 a2 b1 a3 c1 b2"), "a1 b1 c1 a2 b2 a3");
    }

    #[test]
    fn a_batch_is_shared_when_another_tenant_was_served_lately() {
        let mut sharing = Sharing::default();
        let mut serve = |tenants: &[&str]| sharing.serve(tenants.iter().map(|tenant| TenantHash::of(tenant)));
        assert!(!serve(&["a", "a"]));
        assert!(!serve(&["a"]));
        assert!(serve(&["b"]));
        assert!(serve(&["b"]));
    }
}
