use crate::{
    app::{ApiKeys, Ports, RepoError},
    domain::{ApiKey, Principal, TenantId},
};

/// Lists the API keys of a tenant, the newest first. A caller of one customer sees those of this customer.
#[derive(Debug)]
pub struct ListKeys<'a, P>(pub &'a P);

impl<P: Ports> ListKeys<'_, P> {
    pub async fn execute(&self, caller: &Principal) -> Result<Vec<ApiKey>, RepoError> {
        let mut keys = self.list(&caller.tenant).await?;
        keys.retain(|key| caller.manages(key));
        Ok(keys)
    }

    /// Without a check of rights: for the command line of the operator.
    pub async fn list(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, RepoError> {
        self.0.store().keys(tenant).await
    }
}
