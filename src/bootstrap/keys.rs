//! `orders keys`: the API keys on the command line.

use std::time::Duration;

use anyhow::Context;
use time::OffsetDateTime;

use crate::{
    app::{CreateKey, CreateKeyRequest, CreatedKey, ListKeys, Ports, RevokeKey, RotateKey},
    config::{CreateKeyArgs, KeysCommand},
    domain::{ApiKey, Scope, Scopes},
};

/// Carries the command out. Only a new key goes to standard output, so that a script can take it from there.
pub(super) async fn manage<P: Ports>(ports: &P, command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Create(arguments) => show(&create(ports, arguments).await?),
        KeysCommand::List { tenant } => {
            let keys = ListKeys(ports).execute(&tenant.tenant.parse()?).await?;
            keys.iter().for_each(|key| println!("{}", row(key)));
            if keys.is_empty() {
                eprintln!("tenant {} has no keys", tenant.tenant);
            }
        }
        KeysCommand::Revoke { key_id, tenant } => {
            let key = RevokeKey(ports).execute(&tenant.tenant.parse()?, &key_id.parse()?).await?;
            eprintln!("key {} ({}) is revoked; every instance refuses it within five seconds", key.id, key.name);
        }
        KeysCommand::Rotate { key_id, overlap_secs, tenant } => {
            let overlap = Duration::from_secs(overlap_secs);
            let rotated = RotateKey(ports).execute(&tenant.tenant.parse()?, &key_id.parse()?, overlap).await?;
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
        expires_at: expires_in_days.map(|days| OffsetDateTime::now_utc() + time::Duration::days(days.into())),
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
    let mut row = format!("{id}  {name}  {scopes}");
    if let Some(customer) = customer {
        row += &format!("  customer {customer}");
    }
    for (what, at) in [("expires", expires_at), ("revoked", revoked_at), ("last used", last_used_at)] {
        if let Some(at) = at {
            row += &format!("  {what} {}", at.replace_nanosecond(0).unwrap_or(*at));
        }
    }
    row
}
