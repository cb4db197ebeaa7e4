use time::Duration;

use crate::{
    app::{IdempotencyKeys, Recorded, RepoError},
    domain::TenantId,
};

use super::MemoryStore;

impl IdempotencyKeys for MemoryStore {
    async fn recall(&self, tenant: &TenantId, caller: &str, key: &str) -> Result<Option<Recorded>, RepoError> {
        let committed = self.shared.committed();
        let mut records =
            committed.keys.get(&(tenant.clone(), caller.to_owned(), key.to_owned())).into_iter().flatten();
        let recorded = records.clone().next().map(|(_, (record, _))| Recorded {
            fingerprint: record.request.fingerprint,
            outcomes: records.by_ref().map(|(_, (record, _))| record.outcome).collect(),
        });
        Ok(recorded)
    }

    async fn forget(&self, age: Duration, limit: usize) -> Result<usize, RepoError> {
        let keys = &mut self.shared.committed().keys;
        let is_old = |records: &super::state::Items| records.values().all(|(_, stored)| stored.elapsed() >= age);
        let old: Vec<_> =
            keys.iter().filter(|(_, items)| is_old(items)).map(|(key, _)| key.clone()).take(limit).collect();
        for key in &old {
            keys.remove(key);
        }
        Ok(old.len())
    }
}
