use std::fmt;

use time::OffsetDateTime;

use crate::{
    app::{ApiKeys, Authenticator, NewApiKey, Ports, RepoError},
    domain::{ApiKey, CustomerId, KeyName, Principal, Scopes, TenantId},
};

/// Creates an API key. Nobody can give a right that they do not have.
#[derive(Debug)]
pub struct CreateKey<'a, P>(pub &'a P);

#[derive(Clone, Debug)]
pub struct CreateKeyRequest {
    pub tenant: TenantId,
    pub name: KeyName,
    pub scopes: Scopes,
    pub customer: Option<CustomerId>,
    pub expires_at: Option<OffsetDateTime>,
}

/// A key, and the text with its secret, which is shown once.
pub struct CreatedKey {
    pub key: ApiKey,
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    #[error("the maker of the key does not have the scopes {0}")]
    BeyondMaker(Scopes),
    #[error("the maker of the key sees one customer, and the key would see others")]
    OtherCustomer,
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl<P: Ports> CreateKey<'_, P> {
    /// `maker` belongs to the tenant of the key.
    pub async fn execute(&self, maker: &Principal, request: CreateKeyRequest) -> Result<CreatedKey, CreateKeyError> {
        let beyond = request.scopes.beyond(maker.scopes);
        if !beyond.is_empty() {
            return Err(CreateKeyError::BeyondMaker(beyond));
        }
        if maker.customer.is_some() && maker.customer != request.customer {
            return Err(CreateKeyError::OtherCustomer);
        }
        self.create(request).await.map_err(CreateKeyError::Store)
    }

    /// Without a check of rights: for the command line of the operator.
    pub async fn create(&self, request: CreateKeyRequest) -> Result<CreatedKey, RepoError> {
        let CreateKeyRequest { tenant, name, scopes, customer, expires_at } = request;
        let secret = self.0.access().new_secret();
        let (id, hash) = (secret.id.clone(), secret.hash);
        let key = NewApiKey { id, hash, tenant, name, scopes, customer, expires_at };
        let key = self.0.store().create_key(key).await?;
        Ok(CreatedKey { text: secret.key_text(&key.id), key })
    }
}

impl fmt::Debug for CreatedKey {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key).finish_non_exhaustive()
    }
}
