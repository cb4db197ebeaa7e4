use std::{future::Future, time::Duration};

use time::OffsetDateTime;

use crate::domain::{ApiKey, CustomerId, KeyId, KeyName, Scopes, TenantId};

use super::RepoError;

/// The stored API keys. A key is stored with the SHA-256 of its secret, never with the secret.
pub trait ApiKeys: Clone + Send + Sync + 'static {
    fn create_key(&self, key: NewApiKey) -> impl Future<Output = Result<ApiKey, RepoError>> + Send;

    /// Creates the key if none was ever created, of any tenant. Returns whether it did. Of several instances that do this at once,
    /// one creates its key.
    fn create_first_key(&self, key: NewApiKey) -> impl Future<Output = Result<bool, RepoError>> + Send;

    /// The key with this id, of whichever tenant.
    fn key(&self, id: &KeyId) -> impl Future<Output = Result<Option<StoredKey>, RepoError>> + Send;

    /// All keys of the tenant, the newest first.
    fn keys(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<ApiKey>, RepoError>> + Send;

    /// `None` if the tenant has no such key. A key that is revoked already stays as it is.
    fn revoke_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
    ) -> impl Future<Output = Result<Option<ApiKey>, RepoError>> + Send;

    /// Gives the key another secret. The one before it stays valid for `overlap`. `None` if the tenant has no such key, or
    /// if it is revoked.
    fn rotate_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        hash: SecretHash,
        overlap: Duration,
    ) -> impl Future<Output = Result<Option<ApiKey>, RepoError>> + Send;

    /// Records that these keys were used so long ago.
    fn record_uses(&self, uses: &[(KeyId, Duration)]) -> impl Future<Output = Result<(), RepoError>> + Send;
}

/// SHA-256 of a secret of 256 random bits. Nobody can guess such a secret, so no slower hash is needed.
pub type SecretHash = [u8; 32];

/// A key to store.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub id: KeyId,
    pub hash: SecretHash,
    pub tenant: TenantId,
    pub name: KeyName,
    pub scopes: Scopes,
    pub customer: Option<CustomerId>,
    pub expires_at: Option<OffsetDateTime>,
}

/// A key, and the hashes of the secrets that are valid now, by the clock of the store.
#[derive(Clone, Debug)]
pub struct StoredKey {
    pub key: ApiKey,
    /// The current secret, and the one before it while both are valid. Empty for a key that is revoked or expired.
    pub hashes: Vec<SecretHash>,
}
