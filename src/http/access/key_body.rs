use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    app::CreatedKey,
    domain::{ApiKey, Scope},
    http::response::timestamp,
};

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(super) struct KeyBody {
    /// No secret: the log and the events name the key by it.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    key_id: String,
    name: String,
    scopes: Vec<&'static str>,
    /// The only customer whose orders the key sees; null for all customers of the tenant.
    #[schema(required = true)]
    customer_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// From then on the key is not accepted; null for no end.
    #[schema(required = true, format = DateTime)]
    expires_at: Option<String>,
    /// Since then the key is not accepted; null if it is not revoked.
    #[schema(required = true, format = DateTime)]
    revoked_at: Option<String>,
    /// To the minute; null if it was never used.
    #[schema(required = true, format = DateTime)]
    last_used_at: Option<String>,
}

impl From<ApiKey> for KeyBody {
    fn from(key: ApiKey) -> Self {
        let time = |at: Option<OffsetDateTime>| at.map(timestamp::text);
        Self {
            key_id: key.id.to_string(),
            name: key.name.to_string(),
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            customer_id: key.customer.map(|customer| customer.to_string()),
            created_at: timestamp::text(key.created_at),
            expires_at: time(key.expires_at),
            revoked_at: time(key.revoked_at),
            last_used_at: time(key.last_used_at),
        }
    }
}

/// An API key with its secret, which no other response shows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub(super) struct NewKeyBody {
    /// The credential: Authorization: Bearer <key>. It is shown once, and cannot be read again.
    #[schema(pattern = "^ord_[0-9a-f]{16}_[0-9a-f]{64}$")]
    key: String,
    #[serde(flatten)]
    #[schema(inline)]
    shown: KeyBody,
}

impl From<CreatedKey> for NewKeyBody {
    fn from(created: CreatedKey) -> Self {
        Self { key: created.text, shown: created.key.into() }
    }
}

pub(super) fn key_example() -> Value {
    json!({
        "key_id": "0123456789abcdef", "name": "shop", "scopes": ["orders:read", "orders:write"], "customer_id": null,
        "created_at": "2026-01-31T12:00:00Z", "expires_at": null, "revoked_at": null, "last_used_at": "2026-01-31T12:30:00Z",
    })
}

#[expect(clippy::indexing_slicing, reason = "the example is an object made here")]
pub(super) fn new_key_example() -> Value {
    let mut example = key_example();
    example["last_used_at"] = Value::Null;
    example["key"] = format!("ord_0123456789abcdef_{}", "0".repeat(64)).into();
    example
}
