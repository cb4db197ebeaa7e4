use std::time::{Duration, Instant};

use crate::{
    app::{ApiKeys, Clock, NewApiKey, RepoError, SecretHash, StoredKey},
    domain::{ApiKey, KeyId, TenantId},
    infra::SystemClock,
};

use super::{
    MemoryStore,
    state::{Committed, KeptKey},
};

impl ApiKeys for MemoryStore {
    async fn create_key(&self, key: NewApiKey) -> Result<ApiKey, RepoError> {
        Ok(keep(&mut self.shared.committed(), key))
    }

    async fn create_first_key(&self, key: NewApiKey) -> Result<bool, RepoError> {
        let mut committed = self.shared.committed();
        let is_first = committed.api_keys.is_empty();
        if is_first {
            keep(&mut committed, key);
        }
        Ok(is_first)
    }

    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, RepoError> {
        let committed = self.shared.committed();
        let stored = committed.api_keys.get(id).map(|KeptKey { key, hash, previous }| {
            let is_expired = key.expires_at.is_some_and(|end| end <= SystemClock.now());
            let previous = previous.filter(|(_, until)| *until > Instant::now()).map(|(hash, _)| hash);
            let is_valid = key.revoked_at.is_none() && !is_expired;
            let hashes = [Some(*hash), previous].into_iter().flatten().filter(|_| is_valid).collect();
            StoredKey { key: key.clone(), hashes }
        });
        Ok(stored)
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, RepoError> {
        let committed = self.shared.committed();
        let mut keys: Vec<ApiKey> = committed.api_keys.values().map(|kept| kept.key.clone()).collect();
        keys.retain(|key| key.tenant == *tenant);
        keys.sort_by(|a, b| (b.created_at, &a.id).cmp(&(a.created_at, &b.id)));
        Ok(keys)
    }

    async fn revoke_key(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<ApiKey>, RepoError> {
        let mut committed = self.shared.committed();
        let kept = committed.api_keys.get_mut(id).filter(|kept| kept.key.tenant == *tenant);
        Ok(kept.map(|kept| {
            kept.key.revoked_at.get_or_insert_with(|| SystemClock.now());
            kept.key.clone()
        }))
    }

    async fn rotate_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        hash: SecretHash,
        overlap: Duration,
    ) -> Result<Option<ApiKey>, RepoError> {
        let mut committed = self.shared.committed();
        let kept = committed.api_keys.get_mut(id);
        Ok(kept.filter(|kept| kept.key.tenant == *tenant && kept.key.revoked_at.is_none()).map(|kept| {
            kept.previous = Some((std::mem::replace(&mut kept.hash, hash), Instant::now() + overlap));
            kept.key.clone()
        }))
    }

    async fn record_uses(&self, uses: &[(KeyId, Duration)]) -> Result<(), RepoError> {
        let mut committed = self.shared.committed();
        for (id, age) in uses {
            if let Some(kept) = committed.api_keys.get_mut(id) {
                let at = SystemClock.now() - *age;
                let minute = at.replace_second(0).and_then(|at| at.replace_nanosecond(0)).unwrap_or(at);
                kept.key.last_used_at = kept.key.last_used_at.max(Some(minute));
            }
        }
        Ok(())
    }
}

fn keep(committed: &mut Committed, key: NewApiKey) -> ApiKey {
    let NewApiKey { id, hash, tenant, name, scopes, customer, expires_at } = key;
    let created_at = SystemClock.now();
    let key =
        ApiKey { id, tenant, name, scopes, customer, created_at, expires_at, revoked_at: None, last_used_at: None };
    committed.api_keys.insert(key.id.clone(), KeptKey { key: key.clone(), hash, previous: None });
    key
}
