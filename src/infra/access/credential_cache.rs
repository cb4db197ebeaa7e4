use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::app::Authenticated;

use super::bounded::make_room;

/// The credentials that were accepted a moment ago. Wrong ones are never kept: looking one up takes as long as for an unknown
/// one, so the time of an answer says nothing about them.
#[derive(Debug, Default)]
pub(super) struct CredentialCache(RwLock<HashMap<Box<str>, Entry>>);

#[derive(Debug)]
struct Entry {
    authenticated: Authenticated,
    until: Instant,
}

/// The most credentials that are kept.
const CAPACITY: usize = 10_000;

impl CredentialCache {
    pub(super) fn find(&self, credential: &str) -> Option<Authenticated> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(credential).filter(|entry| entry.until > Instant::now())?;
        Some(entry.authenticated.clone())
    }

    /// Also after its time.
    pub(super) fn has(&self, credential: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(credential)
    }

    /// It is not accepted any more.
    pub(super) fn forget(&self, credential: &str) {
        if self.has(credential) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(credential);
        }
    }

    pub(super) fn keep(&self, credential: &str, authenticated: &Authenticated, time: Duration) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        make_room(&mut entries, CAPACITY, |entry| entry.until > now);
        entries.insert(credential.into(), Entry { authenticated: authenticated.clone(), until: now + time });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::domain::Principal;

    use super::*;

    #[test]
    fn a_credential_is_known_for_its_time_and_the_cache_is_bounded() {
        let cache = CredentialCache::default();
        let authenticated = Authenticated { principal: Arc::new(Principal::anonymous()), expires_at: None };
        cache.keep("short", &authenticated, Duration::ZERO);
        assert!(cache.find("short").is_none());
        for n in 0..=CAPACITY {
            cache.keep(&n.to_string(), &authenticated, Duration::from_hours(1));
        }
        assert!(cache.find(&CAPACITY.to_string()).is_some());
        assert!(cache.0.read().unwrap().len() <= CAPACITY);
    }
}
