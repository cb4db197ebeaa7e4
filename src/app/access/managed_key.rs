use crate::{
    app::{ApiKeys, Ports, RepoError, StoredKey},
    domain::{ApiKey, KeyId, Principal, Scopes},
};

/// Why a key was neither revoked nor rotated.
#[derive(Debug, thiserror::Error)]
pub enum ManageKeyError {
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    /// Its new secret would give the caller rights that it does not have.
    #[error("the caller does not have the scopes {0} of the key")]
    BeyondCaller(Scopes),
    #[error(transparent)]
    Store(#[from] RepoError),
}

/// The key, if the caller may manage it. For the caller the other ones do not exist.
pub(super) async fn managed_key<P: Ports>(ports: &P, caller: &Principal, id: &KeyId) -> Result<ApiKey, ManageKeyError> {
    let stored = ports.store().key(id).await?;
    let key = stored.map(|StoredKey { key, .. }| key).filter(|key| caller.manages(key));
    key.ok_or_else(|| ManageKeyError::UnknownKey(id.clone()))
}
