use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    app::{
        ApiKeys, Authenticated, AuthenticationError, Authenticator, Clock, CredentialError, NewApiKey, NewSecret,
        RepoError, StoredKey,
    },
    domain::{KeyId, Principal, Scopes, TenantId},
    infra::SystemClock,
};
use subtle::{Choice, ConstantTimeEq};

use super::{
    credential_cache::CredentialCache,
    jwt::{JwksError, Jwt, JwtSettings},
    key_text::{KeyText, PREFIX},
};

/// Which credentials the service accepts. Without any, everybody may do everything.
#[derive(Clone, Debug, Default)]
pub struct AccessSettings {
    pub keys: bool,
    pub jwt: Option<JwtSettings>,
}

/// Checks API keys and tokens.
#[derive(Clone)]
pub struct Access<S>(Arc<Inner<S>>);

struct Inner<S> {
    anonymous: Option<Arc<Principal>>,
    store: S,
    keys: bool,
    jwt: Option<Jwt>,
    cache: CredentialCache,
    /// When each key was last used, since the last time that this was stored.
    uses: Mutex<HashMap<KeyId, Instant>>,
}

/// A key is looked up again after this time, so that a revocation takes effect within five seconds, also for a stream that
/// looks every two seconds.
const KEY_KNOWN_FOR: Duration = Duration::from_secs(2);

/// A token is verified again after this time: its signing key may be withdrawn.
const TOKEN_KNOWN_FOR: Duration = Duration::from_secs(30);

/// How often the last uses of keys are stored.
const RECORD_EVERY: Duration = Duration::from_secs(20);

/// How often the keys of the identity provider are read again.
const JWKS_EVERY: Duration = Duration::from_mins(5);
/// The same, until they were read for the first time.
const FIRST_JWKS_EVERY: Duration = Duration::from_secs(5);

/// The name of the first key, which a setting names.
const BOOTSTRAP: &str = "bootstrap";

impl<S: ApiKeys> Access<S> {
    /// Reads the keys of the identity provider from a file now; those at a URL are read by `refresh_jwks`.
    pub fn new(store: S, settings: AccessSettings) -> Result<Self, JwksError> {
        let AccessSettings { keys, jwt } = settings;
        let anonymous = (!keys && jwt.is_none()).then(|| Arc::new(Principal::anonymous()));
        let jwt = jwt.map(Jwt::new).transpose()?;
        let (cache, uses) = (CredentialCache::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { anonymous, store, keys, jwt, cache, uses })))
    }

    /// Creates the first key of a database, with every scope. Where a key was ever created, it does nothing and returns `false`.
    pub async fn bootstrap(&self, key: KeyText) -> Result<bool, RepoError> {
        let secret = key.into_secret();
        let name = BOOTSTRAP.parse().map_err(|_| RepoError::Backend("the name of the first key is wrong".into()))?;
        let (id, hash, tenant) = (secret.id.clone(), secret.hash, TenantId::anonymous());
        let key = NewApiKey { id, hash, tenant, name, scopes: Scopes::all(), customer: None, expires_at: None };
        self.0.store.create_first_key(key).await
    }

    /// Stores when keys were last used, for as long as the service runs.
    pub async fn record_uses(self) -> Infallible {
        loop {
            tokio::time::sleep(RECORD_EVERY).await;
            let uses: Vec<(KeyId, Instant)> = self.uses().drain().collect();
            if uses.is_empty() {
                continue;
            }
            let ages: Vec<(KeyId, Duration)> = uses.iter().map(|(id, used)| (id.clone(), used.elapsed())).collect();
            if let Err(error) = self.0.store.record_uses(&ages).await {
                log::info!("cannot store when keys were last used; the next attempt is in {RECORD_EVERY:?}: {error}");
                let mut newer = self.uses();
                for (id, used) in uses {
                    newer.entry(id).or_insert(used);
                }
            }
        }
    }

    /// Reads the keys of the identity provider again and again, for as long as the service runs.
    pub async fn refresh_jwks(self) -> Infallible {
        let Some(jwt) = &self.0.jwt else { return std::future::pending().await };
        loop {
            jwt.refresh().await;
            tokio::time::sleep(if jwt.has_keys() { JWKS_EVERY } else { FIRST_JWKS_EVERY }).await;
        }
    }

    /// How old the keys of the identity provider are. `None` without them.
    pub fn jwks_age(&self) -> Option<Duration> {
        self.0.jwt.as_ref()?.age()
    }

    /// The caller, and how long the answer holds.
    async fn check(&self, credential: &str) -> Result<(Authenticated, Duration), AuthenticationError> {
        match &self.0.jwt {
            _ if self.0.is_key(credential) => self.check_key(credential).await,
            Some(jwt) => Ok((jwt.verify(credential).await?, TOKEN_KNOWN_FOR)),
            None if self.0.keys => Err(CredentialError::UnknownKey.into()),
            None => Err(CredentialError::Unsupported.into()),
        }
    }

    /// The secret is compared with whatever is stored, so that an unknown key takes as long as a wrong one.
    async fn check_key(&self, text: &str) -> Result<(Authenticated, Duration), AuthenticationError> {
        let Ok(key) = text.parse::<KeyText>() else { return Err(CredentialError::UnknownKey.into()) };
        let hash = key.hash();
        let stored = self.0.store.key(&key.id).await?;
        let nothing = [[0; 32]];
        let hashes = stored.as_ref().map_or(nothing.as_slice(), |stored| &stored.hashes);
        let is_right = hashes.iter().fold(Choice::from(0), |found, stored| found | stored.ct_eq(&hash));
        match stored {
            Some(StoredKey { key, .. }) if is_right.into() => {
                self.uses().insert(key.id.clone(), Instant::now());
                let expires_at = key.expires_at;
                let authenticated = Authenticated { principal: Arc::new(Principal::from_key(key)), expires_at };
                Ok((authenticated, KEY_KNOWN_FOR))
            }
            _ => Err(CredentialError::UnknownKey.into()),
        }
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn uses(&self) -> MutexGuard<'_, HashMap<KeyId, Instant>> {
        self.0.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Inner<S> {
    /// Whether the credential has the form of an API key, and such keys are accepted.
    fn is_key(&self, credential: &str) -> bool {
        self.keys && credential.starts_with(PREFIX)
    }
}

impl<S: ApiKeys> Authenticator for Access<S> {
    fn anonymous(&self) -> Option<&Arc<Principal>> {
        self.0.anonymous.as_ref()
    }

    fn known(&self, credential: &str) -> Option<Authenticated> {
        self.0.cache.find(credential)
    }

    fn may_be_guess(&self, credential: &str) -> bool {
        self.0.is_key(credential) && !self.0.cache.has(credential)
    }

    async fn authenticate(&self, credential: &str) -> Result<Authenticated, AuthenticationError> {
        let (authenticated, time) = match self.check(credential).await {
            Ok(accepted) => accepted,
            Err(error) => {
                if matches!(error, AuthenticationError::Refused(_)) {
                    self.0.cache.forget(credential);
                }
                return Err(error);
            }
        };
        let left = authenticated.expires_at.map(|end| end - SystemClock.now());
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
        self.0.cache.keep(credential, &authenticated, left.unwrap_or(time).min(time));
        Ok(authenticated)
    }

    fn new_secret(&self) -> NewSecret {
        KeyText::random().into_secret()
    }
}

impl<S> fmt::Debug for Access<S> {
    /// Without any credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}
