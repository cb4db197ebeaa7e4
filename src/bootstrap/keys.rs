//! `orders keys`: the API keys on the command line.

use std::time::Duration;

use anyhow::Context;

use crate::{
    app::{Clock, CreateKey, CreateKeyRequest, CreatedKey, ListKeys, Ports, RevokeKey, RotateKey},
    config::{CreateKeyArgs, KeysCommand},
    domain::{ApiKey, Scope, Scopes},
};

/// Carries the command out. Only a new key goes to standard output, so that a script can take it from there.
pub(super) async fn manage<P: Ports>(ports: &P, command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Create(arguments) => show(&create(ports, arguments).await?),
        KeysCommand::List { tenant } => {
            let keys = ListKeys(ports).list(&tenant.tenant.parse()?).await?;
            for key in &keys {
                println!("{}", row(key));
            }
            if keys.is_empty() {
                eprintln!("tenant {} has no keys", tenant.tenant);
            }
        }
        KeysCommand::Revoke { key_id, tenant } => {
            let key = RevokeKey(ports).revoke(&tenant.tenant.parse()?, &key_id.parse()?).await?;
            eprintln!("key {} ({}) is revoked; every instance refuses it within five seconds", key.id, key.name);
        }
        KeysCommand::Rotate { key_id, overlap_secs, tenant } => {
            let overlap = Duration::from_secs(overlap_secs);
            let rotated = RotateKey(ports).rotate(&tenant.tenant.parse()?, &key_id.parse()?, overlap).await?;
            show(&rotated);
            eprintln!("the secret before stays valid for {overlap_secs} s");
        }
    }
    Ok(())
}

async fn create<P: Ports>(ports: &P, arguments: CreateKeyArgs) -> anyhow::Result<CreatedKey> {
    let CreateKeyArgs { name, scope, customer, expires_in_days, tenant } = arguments;
    let names: Vec<&str> = scope.iter().flat_map(|names| names.split_whitespace()).collect();
    let scopes: Scopes = match names.as_slice() {
        ["all"] => Scopes::all(),
        names => names.iter().map(|name| name.parse::<Scope>()).collect::<Result<_, _>>().context("--scope")?,
    };
    anyhow::ensure!(!scopes.is_empty(), "--scope: a key has one scope at least");
    let request = CreateKeyRequest {
        tenant: tenant.tenant.parse().context("--tenant")?,
        name: name.parse().context("--name")?,
        scopes,
        customer: customer.map(|customer| customer.parse()).transpose().context("--customer")?,
        expires_at: expires_in_days.map(|days| ports.clock().now() + Duration::from_hours(24) * days),
    };
    Ok(CreateKey(ports).create(request).await?)
}

fn show(created: &CreatedKey) {
    let CreatedKey { key, text } = created;
    eprintln!("key {} ({}) of tenant {}: {}", key.id, key.name, key.tenant, key.scopes);
    eprintln!("Keep it in a safe place: it is not shown again.");
    println!("{text}");
}

fn row(key: &ApiKey) -> String {
    let ApiKey { id, name, scopes, customer, expires_at, revoked_at, last_used_at, .. } = key;
    let bound_to = customer.as_ref().map(|customer| format!("customer {customer}"));
    let times = [("expires", expires_at), ("revoked", revoked_at), ("last used", last_used_at)];
    let times = times
        .into_iter()
        .filter_map(|(what, at)| at.map(|at| format!("{what} {}", at.replace_nanosecond(0).unwrap_or(at))));
    let parts = [id.to_string(), name.to_string(), scopes.to_string()].into_iter().chain(bound_to).chain(times);
    parts.collect::<Vec<_>>().join("  ")
}
