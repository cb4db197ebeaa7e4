//! Access control: who may do what, and what nobody learns.

mod callers;
mod keys;
mod limits;
mod matrix;
mod provider;
mod streams;
mod tokens;

use orders::{
    app::{Authenticator, NewApiKey, Store},
    domain::{Scope, Scopes},
    infra::{Access, AccessSettings, MemoryStore, PgStore},
};

use crate::{
    helpers::{Answer, Api},
    support::Database,
};

/// A service that accepts API keys, and its store, which makes them.
pub(crate) struct Guarded<S> {
    pub(crate) api: Api,
    pub(crate) store: S,
}

pub(crate) fn keys_only() -> AccessSettings {
    AccessSettings { keys: true, jwt: None }
}

impl Guarded<MemoryStore> {
    pub(crate) fn start() -> Self {
        let store = MemoryStore::default();
        Self { api: Api::builder().access(keys_only()).start_on(store.clone()), store }
    }
}

impl Guarded<PgStore> {
    pub(crate) async fn on_postgres() -> Self {
        let store = Database::new().await.store();
        Self { api: Api::builder().access(keys_only()).start_on(store.clone()), store }
    }
}

impl<S: Store> Guarded<S> {
    /// The text of a new key.
    pub(crate) async fn key(&self, tenant: &str, scopes: &[Scope], customer: Option<&str>) -> String {
        let secret = Access::new(self.store.clone(), keys_only()).unwrap().new_secret();
        let key = NewApiKey {
            id: secret.id.clone(),
            hash: secret.hash,
            tenant: tenant.parse().unwrap(),
            name: "test".parse().unwrap(),
            scopes: scopes.iter().copied().collect(),
            customer: customer.map(|customer| customer.parse().unwrap()),
            expires_at: None,
        };
        let key = self.store.create_key(key).await.unwrap();
        secret.key_text(&key.id)
    }

    pub(crate) async fn admin(&self, tenant: &str) -> Api {
        let scopes: Vec<Scope> = Scopes::all().iter().collect();
        self.api.with_credential(&self.key(tenant, &scopes, None).await)
    }

    /// A caller with these scopes only.
    pub(crate) async fn caller(&self, tenant: &str, scopes: &[Scope]) -> Api {
        self.api.with_credential(&self.key(tenant, scopes, None).await)
    }
}

/// The reason why the credential was refused.
pub(crate) fn reason(answer: &Answer) -> &str {
    answer.body["errors"][0]["code"].as_str().unwrap_or_default()
}
