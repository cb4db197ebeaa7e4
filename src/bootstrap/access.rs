//! Access control as the settings say.

use std::time::Duration;

use anyhow::Context;

use crate::{
    app::{ApiKeys, Clock, IdGenerator, RepoError},
    config::{AuthKind, Config},
    infra::{Access, AccessSettings, JwtSettings, KeyText, LimitSettings, Limits, SystemClock, UuidV7},
};

pub(super) fn access<S: ApiKeys>(config: &Config, store: S) -> anyhow::Result<Access<S>> {
    let settings = &config.access;
    let jwt = settings.accepts(AuthKind::Jwt).then(|| {
        let required = |name, value: &Option<String>| {
            value.clone().with_context(|| format!("{name} is required with ORDERS_AUTH=jwt"))
        };
        anyhow::Ok(JwtSettings {
            jwks: required("ORDERS_JWKS", &settings.jwks)?,
            issuer: required("ORDERS_JWT_ISSUER", &settings.jwt_issuer)?,
            audience: required("ORDERS_JWT_AUDIENCE", &settings.jwt_audience)?,
            tenant_claim: settings.jwt_tenant_claim.clone(),
            subject_claim: settings.jwt_subject_claim.clone(),
            scope_claim: settings.jwt_scope_claim.clone(),
            customer_claim: settings.jwt_customer_claim.clone(),
        })
    });
    let keys = settings.accepts(AuthKind::Keys);
    Access::new(store, AccessSettings { keys, jwt: jwt.transpose()? }).context("ORDERS_JWKS")
}

pub(super) fn limits(config: &Config) -> anyhow::Result<Limits> {
    let settings = &config.access;
    let rate = settings.rate_limit.as_deref().map(str::parse).transpose();
    let settings = LimitSettings {
        rate: rate.context("ORDERS_RATE_LIMIT")?,
        failures: settings.auth_failure_limit.parse().context("ORDERS_AUTH_FAILURE_LIMIT")?,
        redis_url: settings.redis_url.clone(),
    };
    let instance = UuidV7.event_id(SystemClock.now()).to_string();
    Limits::new(settings, instance).context("ORDERS_REDIS_URL")
}

/// The key of `ORDERS_BOOTSTRAP_KEY`. The error does not show it.
pub(super) fn bootstrap_key(config: &Config) -> anyhow::Result<Option<KeyText>> {
    config.access.bootstrap_key.as_deref().map(str::parse).transpose().context("ORDERS_BOOTSTRAP_KEY")
}

/// Creates the first key of a fresh database. An outage of the database is waited for, as everywhere at the start.
pub(super) async fn create_first_key<S: ApiKeys>(access: &Access<S>, key: KeyText) -> anyhow::Result<()> {
    loop {
        match access.bootstrap(key.clone()).await {
            Ok(true) => log::info!("created the first API key from ORDERS_BOOTSTRAP_KEY, with every scope"),
            Ok(false) => {}
            Err(RepoError::Unavailable(error)) => {
                log::info!("cannot create the first API key yet; the next attempt is in {AGAIN_AFTER:?}: {error}");
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
            Err(error) => return Err(error).context("ORDERS_BOOTSTRAP_KEY"),
        }
        return Ok(());
    }
}

const AGAIN_AFTER: Duration = Duration::from_secs(1);
