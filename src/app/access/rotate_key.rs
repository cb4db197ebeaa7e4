use std::time::Duration;

use crate::{
    app::{ApiKeys, Authenticator, Ports},
    domain::{KeyId, TenantId},
};

use super::{create_key::CreatedKey, revoke_key::UnknownKeyError};

/// Gives an API key another secret. The key keeps its id, so its callers keep their idempotency keys.
#[derive(Debug)]
pub struct RotateKey<'a, P>(pub &'a P);

impl<P> RotateKey<'_, P> {
    /// For how long the secret before stays valid, if the caller does not say.
    pub const DEFAULT_OVERLAP: Duration = Duration::from_hours(24);
    pub const MAX_OVERLAP: Duration = Duration::from_hours(7 * 24);
}

impl<P: Ports> RotateKey<'_, P> {
    pub async fn execute(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        overlap: Duration,
    ) -> Result<CreatedKey, UnknownKeyError> {
        let secret = self.0.access().new_secret();
        let rotated = self.0.store().rotate_key(tenant, id, secret.hash, overlap).await?;
        let key = rotated.ok_or_else(|| UnknownKeyError::UnknownKey(id.clone()))?;
        Ok(CreatedKey { text: secret.key_text(&key.id), key })
    }
}
