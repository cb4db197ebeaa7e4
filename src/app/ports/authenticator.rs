use std::{future::Future, sync::Arc};

use time::OffsetDateTime;

use crate::domain::{KeyId, Principal};

use super::{RepoError, SecretHash};

/// Checks credentials, and makes new ones.
pub trait Authenticator: Clone + Send + Sync + 'static {
    /// Everybody, where nobody is authenticated. Else every caller needs a credential.
    fn anonymous(&self) -> Option<&Arc<Principal>>;

    /// The caller who has this credential, if it was accepted a moment ago.
    fn known(&self, credential: &str) -> Option<Authenticated>;

    /// Whether the credential may be the guess of an API key: to check it takes a look-up, and none like it was accepted lately.
    fn may_be_guess(&self, credential: &str) -> bool;

    /// The caller who has this credential.
    fn authenticate(&self, credential: &str)
    -> impl Future<Output = Result<Authenticated, AuthenticationError>> + Send;

    /// An id and a secret that nobody can guess.
    fn new_secret(&self) -> NewSecret;
}

/// A caller, and until when the credential is valid.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub principal: Arc<Principal>,
    /// `None` if the credential does not say. It may be revoked at any time.
    pub expires_at: Option<OffsetDateTime>,
}

/// Why a credential is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    #[error(transparent)]
    Refused(#[from] CredentialError),
    /// The key of the token is not known, and the provider, which may have it, does not answer. A later attempt may succeed.
    #[error("the identity provider does not answer, and the key of the token is not known")]
    NoSigningKeys,
    #[error(transparent)]
    Store(#[from] RepoError),
}

/// What is wrong with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    #[error("the credential is not one that this service accepts")]
    Unsupported,
    #[error("the API key does not exist, or is revoked or expired")]
    UnknownKey,
    #[error("the token is longer than 8 KiB")]
    TooLong,
    #[error("the token is malformed")]
    Malformed,
    #[error("the token does not name its key (kid)")]
    NoKeyId,
    #[error("the token is signed with an unknown key")]
    UnknownSigningKey,
    #[error("the algorithm of the token is not the one of its key")]
    WrongAlgorithm,
    #[error("the signature of the token is wrong")]
    WrongSignature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is from another issuer")]
    WrongIssuer,
    #[error("the token is for another audience")]
    WrongAudience,
    #[error("a claim of the token is missing or malformed")]
    WrongClaim,
}

impl CredentialError {
    /// Whether the credential may be a guess. The signature of a token is checked before its times, so one that came too late or
    /// too early was right.
    pub const fn may_be_guess(self) -> bool {
        !matches!(self, Self::Expired | Self::NotYetValid)
    }

    /// Stable: programs decide by it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::UnknownKey => "unknown_key",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::NoKeyId => "no_key_id",
            Self::UnknownSigningKey => "unknown_signing_key",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::WrongSignature => "wrong_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::WrongClaim => "wrong_claim",
        }
    }
}

/// A new secret of an API key.
#[derive(Clone)]
pub struct NewSecret {
    pub id: KeyId,
    secret: String,
    pub hash: SecretHash,
}

impl NewSecret {
    pub const fn new(id: KeyId, secret: String, hash: SecretHash) -> Self {
        Self { id, secret, hash }
    }

    /// The text that a caller sends as the credential, for the key with this id.
    pub fn key_text(&self, id: &KeyId) -> String {
        format!("ord_{id}_{}", self.secret)
    }
}

impl std::fmt::Debug for NewSecret {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret").field("id", &self.id).finish_non_exhaustive()
    }
}
