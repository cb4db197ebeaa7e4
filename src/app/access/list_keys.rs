use crate::{
    app::{ApiKeys, Ports, RepoError},
    domain::{ApiKey, TenantId},
};

/// Lists the API keys of a tenant, the newest first.
#[derive(Debug)]
pub struct ListKeys<'a, P>(pub &'a P);

impl<P: Ports> ListKeys<'_, P> {
    pub async fn execute(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, RepoError> {
        self.0.store().keys(tenant).await
    }
}
