use crate::{
    app::{ApiKeys, Ports, RepoError},
    domain::{ApiKey, KeyId, TenantId},
};

/// Revokes an API key. Every instance refuses it within five seconds.
#[derive(Debug)]
pub struct RevokeKey<'a, P>(pub &'a P);

/// Why a key was neither revoked nor rotated.
#[derive(Debug, thiserror::Error)]
pub enum UnknownKeyError {
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl<P: Ports> RevokeKey<'_, P> {
    /// A key that is revoked already stays as it is.
    pub async fn execute(&self, tenant: &TenantId, id: &KeyId) -> Result<ApiKey, UnknownKeyError> {
        let revoked = self.0.store().revoke_key(tenant, id).await?;
        revoked.ok_or_else(|| UnknownKeyError::UnknownKey(id.clone()))
    }
}
