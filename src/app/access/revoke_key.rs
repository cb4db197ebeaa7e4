use crate::{
    app::{ApiKeys, Ports},
    domain::{ApiKey, KeyId, Principal, TenantId},
};

use super::managed_key::{ManageKeyError, managed_key};

/// Revokes an API key. Every instance refuses it within five seconds.
#[derive(Debug)]
pub struct RevokeKey<'a, P>(pub &'a P);

impl<P: Ports> RevokeKey<'_, P> {
    /// A key that is revoked already stays as it is.
    pub async fn execute(&self, caller: &Principal, id: &KeyId) -> Result<ApiKey, ManageKeyError> {
        let key = managed_key(self.0, caller, id).await?;
        self.revoke(&key.tenant, id).await
    }

    /// Without a check of rights: for the command line of the operator.
    pub async fn revoke(&self, tenant: &TenantId, id: &KeyId) -> Result<ApiKey, ManageKeyError> {
        let revoked = self.0.store().revoke_key(tenant, id).await?;
        revoked.ok_or_else(|| ManageKeyError::UnknownKey(id.clone()))
    }
}
