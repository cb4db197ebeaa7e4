//! Fairness: one tenant's flood neither starves nor delays another tenant.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Sorts what waits so that each tenant has its turn: the first piece of each tenant, then the second of each, and so on. What
/// belongs to one tenant stays in its order.
pub(super) fn in_turns<T>(waiting: &mut Vec<T>, tenant: impl Fn(&T) -> &str) {
    let Some(first) = waiting.first() else { return };
    if waiting.iter().all(|piece| tenant(piece) == tenant(first)) {
        return;
    }
    let mut counts = HashMap::<&str, usize>::new();
    let rounds = waiting.iter().map(|piece| {
        let round = counts.entry(tenant(piece)).or_default();
        *round += 1;
        *round
    });
    let rounds: Vec<usize> = rounds.collect();
    let mut sorted: Vec<(usize, T)> = rounds.into_iter().zip(waiting.drain(..)).collect();
    sorted.sort_by_key(|(round, _)| *round);
    waiting.extend(sorted.into_iter().map(|(_, piece)| piece));
}

/// Whether more than one tenant was served lately. Then no tenant may fill a whole batch: the others would wait for it.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    last: String,
    until: Option<Instant>,
}

/// A tenant that was not served for so long is not waited for.
const SHARED_FOR: Duration = Duration::from_secs(1);

impl Sharing {
    /// These tenants are served now. Returns whether others were, too, lately.
    pub(super) fn serve<'t>(&mut self, tenants: impl Iterator<Item = &'t str>) -> bool {
        let now = Instant::now();
        for tenant in tenants {
            if tenant != self.last {
                if !self.last.is_empty() {
                    self.until = Some(now + SHARED_FOR);
                }
                tenant.clone_into(&mut self.last);
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
            in_turns(&mut waiting, |piece| &piece[..1]);
            waiting.join(" ")
        };
        assert_eq!(sorted("a1 a2 a3"), "a1 a2 a3");
        assert_eq!(sorted("a1 a2 a3 a4 b1"), "a1 b1 a2 a3 a4");
        assert_eq!(sorted("a1 a2 b1 a3 c1 b2"), "a1 b1 c1 a2 b2 a3");
    }

    #[test]
    fn a_batch_is_shared_when_another_tenant_was_served_lately() {
        let mut sharing = Sharing::default();
        assert!(!sharing.serve(["a", "a"].into_iter()));
        assert!(!sharing.serve(["a"].into_iter()));
        assert!(sharing.serve(["b"].into_iter()));
        assert!(sharing.serve(["b"].into_iter()));
    }
}
