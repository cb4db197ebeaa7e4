use std::time::Duration;

use crate::{
    app::{ApiKeys, Authenticator, Ports},
    domain::{KeyId, Principal, TenantId},
};

use super::{
    create_key::CreatedKey,
    managed_key::{ManageKeyError, managed_key},
};

/// Gives an API key another secret. The key keeps its id, so its callers keep their idempotency keys. Whoever gets the secret
/// has the rights of the key, so nobody rotates a key with a right that they do not have.
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
        caller: &Principal,
        id: &KeyId,
        overlap: Duration,
    ) -> Result<CreatedKey, ManageKeyError> {
        // Neither the scopes nor the customer of a key ever change.
        let key = managed_key(self.0, caller, id).await?;
        let beyond = key.scopes.beyond(caller.scopes);
        if !beyond.is_empty() {
            return Err(ManageKeyError::BeyondCaller(beyond));
        }
        self.rotate(&key.tenant, id, overlap).await
    }

    /// Without a check of rights: for the command line of the operator.
    pub async fn rotate(&self, tenant: &TenantId, id: &KeyId, overlap: Duration) -> Result<CreatedKey, ManageKeyError> {
        let secret = self.0.access().new_secret();
        let rotated = self.0.store().rotate_key(tenant, id, secret.hash, overlap).await?;
        let key = rotated.ok_or_else(|| ManageKeyError::UnknownKey(id.clone()))?;
        Ok(CreatedKey { text: secret.key_text(&key.id), key })
    }
}
