use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, TokenData, Validation, decode, errors::ErrorKind};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::app::{Authenticated, AuthenticationError, CredentialError};

use super::{
    claims::{ClaimNames, Claims},
    crypto,
    jwks::{JwksError, JwksSource},
    key_set::{KeySet, SigningKey},
};

/// Whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// The path or the URL of the provider's keys.
    pub jwks: String,
    pub issuer: String,
    pub audience: String,
    pub tenant_claim: String,
    pub subject_claim: String,
    pub scope_claim: String,
    pub customer_claim: String,
}

/// Verifies tokens with the keys of the identity provider. While the provider is away, the known keys stay good.
pub(crate) struct Jwt {
    source: JwksSource,
    issuer: String,
    audience: String,
    claims: ClaimNames,
    keys: RwLock<Keys>,
    /// The last request in vain that a token with an unknown key caused. Locked during that request.
    last_asked: Mutex<Option<Asked>>,
}

#[derive(Default)]
struct Keys {
    set: Arc<KeySet>,
    read_at: Option<Instant>,
}

struct Asked {
    at: Instant,
    was_answered: bool,
}

/// The longest token.
const MAX_BYTES: usize = 8 << 10;

/// By how much the clocks of two machines may differ, in seconds.
const LEEWAY: u64 = 30;

/// Tokens with unknown keys cause one request in this time, however many they are.
const COOL_DOWN: Duration = Duration::from_secs(10);

/// The header of a token (RFC 7515, section 4.1). A member that is there twice is an error.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl Jwt {
    pub(crate) fn new(settings: JwtSettings) -> Result<Self, JwksError> {
        crypto::install();
        let JwtSettings { jwks, issuer, audience, tenant_claim, subject_claim, scope_claim, customer_claim } = settings;
        let source = JwksSource::new(&jwks)?;
        let keys = if source.is_file() {
            Keys { set: Arc::new(source.read_file()?), read_at: Some(Instant::now()) }
        } else {
            Keys::default()
        };
        let claims =
            ClaimNames { tenant: tenant_claim, subject: subject_claim, scope: scope_claim, customer: customer_claim };
        Ok(Self { source, issuer, audience, claims, keys: RwLock::new(keys), last_asked: Mutex::default() })
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Authenticated, AuthenticationError> {
        if token.len() > MAX_BYTES {
            return Err(CredentialError::TooLong.into());
        }
        let Header { alg, kid, crit } = header(token)?;
        // An extension that must be understood, and is not (RFC 7515, section 4.1.11).
        if crit.is_some() {
            return Err(CredentialError::Malformed.into());
        }
        let kid = kid.ok_or(CredentialError::NoKeyId)?;
        let SigningKey { algorithm, key } = self.key(&kid).await?;
        if alg.parse::<Algorithm>().ok() != Some(algorithm) {
            return Err(CredentialError::WrongAlgorithm.into());
        }
        let mut rules = Validation::new(algorithm);
        rules.leeway = LEEWAY;
        rules.validate_nbf = true;
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        let TokenData { claims, .. } = decode::<Claims>(token, &key, &rules).map_err(|error| refusal(error.kind()))?;
        let principal = claims.principal(&self.claims)?;
        Ok(Authenticated { principal: Arc::new(principal), expires_at: Some(claims.expires_at()?) })
    }

    /// The key with this id. An unknown one may be new, so the provider is asked, but not for every token.
    async fn key(&self, id: &str) -> Result<SigningKey, AuthenticationError> {
        if let Some(key) = self.set().find(id) {
            return Ok(key.clone());
        }
        let mut last_asked = self.last_asked.lock().await;
        // The request that this one waited for may have brought it.
        if let Some(key) = self.set().find(id) {
            return Ok(key.clone());
        }
        let recently = last_asked.as_ref().filter(|asked| asked.at.elapsed() < COOL_DOWN);
        let was_answered = if let Some(asked) = recently {
            asked.was_answered
        } else {
            let was_answered = self.refresh().await;
            if let Some(key) = self.set().find(id) {
                return Ok(key.clone());
            }
            // Only a key that the provider does not have: a rotation may follow another one at once.
            *last_asked = Some(Asked { at: Instant::now(), was_answered });
            was_answered
        };
        // Without an answer nobody knows whether the key is a new one.
        let error =
            if was_answered { CredentialError::UnknownSigningKey.into() } else { AuthenticationError::NoSigningKeys };
        Err(error)
    }

    /// Reads the keys again. If that fails, the known ones stay. Returns whether the provider answered.
    pub(crate) async fn refresh(&self) -> bool {
        match self.source.read().await {
            Ok(set) => {
                let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                if keys.read_at.is_none() {
                    log::info!(keys = set.len(); "read the keys of the identity provider");
                }
                *keys = Keys { set: Arc::new(set), read_at: Some(Instant::now()) };
                true
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                log::warn!("cannot read the keys of the identity provider; the known ones stay valid: {error}{cause}");
                false
            }
        }
    }

    pub(crate) fn has_keys(&self) -> bool {
        self.age().is_some()
    }

    /// Since when the keys are as they are.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).read_at.map(|at| at.elapsed())
    }

    fn set(&self) -> Arc<KeySet> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).set.clone()
    }
}

fn header(token: &str) -> Result<Header, CredentialError> {
    let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let is_whole = token.split('.').count() == 3;
    let header = header.filter(|_| is_whole).and_then(|json| serde_json::from_slice(&json).ok());
    header.ok_or(CredentialError::Malformed)
}

fn refusal(error: &ErrorKind) -> CredentialError {
    match error {
        ErrorKind::InvalidSignature => CredentialError::WrongSignature,
        ErrorKind::ExpiredSignature => CredentialError::Expired,
        ErrorKind::ImmatureSignature => CredentialError::NotYetValid,
        ErrorKind::InvalidIssuer => CredentialError::WrongIssuer,
        ErrorKind::InvalidAudience => CredentialError::WrongAudience,
        ErrorKind::InvalidAlgorithm => CredentialError::WrongAlgorithm,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => CredentialError::WrongIssuer,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => CredentialError::WrongAudience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => CredentialError::WrongClaim,
        _ => CredentialError::Malformed,
    }
}
