use time::OffsetDateTime;

use crate::{
    app::RepoError,
    domain::{ApiKey, Scopes, TenantId},
};

use super::{errors::corrupt, row_tenant::check_tenant};

/// All columns of a key but the hashes.
pub(super) struct KeyRow {
    pub(super) tenant_id: String,
    pub(super) key_id: String,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) customer_id: Option<String>,
    pub(super) created_at: OffsetDateTime,
    pub(super) expires_at: Option<OffsetDateTime>,
    pub(super) revoked_at: Option<OffsetDateTime>,
    pub(super) last_used_at: Option<OffsetDateTime>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = RepoError;

    fn try_from(row: KeyRow) -> Result<Self, RepoError> {
        Ok(Self {
            id: row.key_id.parse().map_err(corrupt)?,
            tenant: row.tenant_id.parse().map_err(corrupt)?,
            name: row.name.parse().map_err(corrupt)?,
            scopes: Scopes::granted(row.scopes.iter().map(String::as_str)),
            customer: row.customer_id.map(|customer| customer.parse().map_err(corrupt)).transpose()?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

impl KeyRow {
    /// The key, if it belongs to the tenant that it was read for.
    pub(super) fn into_key_of(self, tenant: &TenantId) -> Result<ApiKey, RepoError> {
        check_tenant(tenant, &self.tenant_id)?;
        self.try_into()
    }
}
