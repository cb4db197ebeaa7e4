//! The settings of access control.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::address::{network, socket_address};

#[derive(Clone, Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help")]
pub struct AccessConfig {
    /// Which credentials the service accepts: none, keys, jwt, or keys,jwt.
    ///
    /// With none everybody may do everything, as tenant default; the service then listens on loopback only, unless ORDERS_ALLOW_ANONYMOUS is true. docs/ACCESS.md shows how to set it up.
    #[arg(
        long,
        env = "ORDERS_AUTH",
        value_name = "ORDERS_AUTH",
        value_enum,
        value_delimiter = ',',
        default_value = "none"
    )]
    pub auth: Vec<AuthKind>,

    /// The first API key of a fresh database, with every scope, for tenant default.
    ///
    /// ord_, 16 hexadecimal digits, _, and 64 hexadecimal digits, from a source of random numbers. Where a key was ever created, the service ignores it.
    #[arg(long, env = "ORDERS_BOOTSTRAP_KEY", value_name = "ORDERS_BOOTSTRAP_KEY", hide_env_values = true)]
    pub bootstrap_key: Option<String>,

    /// File or URL with the keys of the identity provider, as a JSON Web Key Set.
    ///
    /// Required for jwt. RS256, ES256 and EdDSA; HS256 only in a file. The service reads it every five minutes, and when a token names a new key.
    #[arg(long, env = "ORDERS_JWKS", value_name = "ORDERS_JWKS", hide_env_values = true)]
    pub jwks: Option<String>,

    /// The claim iss of accepted tokens.
    ///
    /// Required for jwt.
    #[arg(long, env = "ORDERS_JWT_ISSUER", value_name = "ORDERS_JWT_ISSUER")]
    pub jwt_issuer: Option<String>,

    /// What the claim aud of accepted tokens has.
    ///
    /// Required for jwt.
    #[arg(long, env = "ORDERS_JWT_AUDIENCE", value_name = "ORDERS_JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,

    /// Claim with the tenant of the caller.
    ///
    /// Every token needs it.
    #[arg(long, env = "ORDERS_JWT_TENANT_CLAIM", value_name = "ORDERS_JWT_TENANT_CLAIM", default_value = "tenant")]
    pub jwt_tenant_claim: String,

    /// Claim with the name of the caller.
    ///
    /// Every token needs it.
    #[arg(long, env = "ORDERS_JWT_SUBJECT_CLAIM", value_name = "ORDERS_JWT_SUBJECT_CLAIM", default_value = "sub")]
    pub jwt_subject_claim: String,

    /// Claim with the scopes, as a text with spaces in between or as a list.
    ///
    /// The service ignores scopes of other systems.
    #[arg(long, env = "ORDERS_JWT_SCOPE_CLAIM", value_name = "ORDERS_JWT_SCOPE_CLAIM", default_value = "scope")]
    pub jwt_scope_claim: String,

    /// Claim with the only customer whose orders the caller sees.
    ///
    /// Without this claim the caller sees all customers of the tenant.
    #[arg(
        long,
        env = "ORDERS_JWT_CUSTOMER_CLAIM",
        value_name = "ORDERS_JWT_CUSTOMER_CLAIM",
        default_value = "customer"
    )]
    pub jwt_customer_claim: String,

    /// How many requests a caller may send, e.g. 100/s, 6000/m or 100000/h.
    ///
    /// As many may come at once. Without credentials the limit is for each address. By default there is no limit.
    #[arg(long, env = "ORDERS_RATE_LIMIT", value_name = "ORDERS_RATE_LIMIT")]
    pub rate_limit: Option<String>,

    /// How many wrong credentials an address may send, e.g. 300/m.
    ///
    /// Beyond that, API keys that the service does not know yet get a 429 from there. Known callers and valid tokens go on.
    #[arg(long, env = "ORDERS_AUTH_FAILURE_LIMIT", value_name = "ORDERS_AUTH_FAILURE_LIMIT", default_value = "300/m")]
    pub auth_failure_limit: String,

    /// Proxies in front of the service, as addresses or networks separated by commas, e.g. 10.0.0.0/8.
    ///
    /// Limits of an address then count for the client that the proxy names in X-Forwarded-For. Without this setting they count for the address that the connection comes from.
    #[arg(long, env = "ORDERS_TRUSTED_PROXIES", value_name = "ORDERS_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Redis through which all instances share ORDERS_RATE_LIMIT, as redis://user:password@host:6379/0.
    ///
    /// While Redis is away, each instance keeps to its share. Without this setting each instance has the whole limit.
    #[arg(long, env = "ORDERS_REDIS_URL", value_name = "ORDERS_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<String>,

    /// Address and port for metrics and health, without credentials.
    ///
    /// In the form of ORDERS_BIND. Let only your monitoring reach it. Without this setting they are on the main address only.
    #[arg(long, env = "ORDERS_ADMIN_BIND", value_name = "ORDERS_ADMIN_BIND", value_parser = socket_address, global = true)]
    pub admin_bind: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuthKind {
    None,
    Keys,
    Jwt,
}

impl AccessConfig {
    pub fn accepts(&self, kind: AuthKind) -> bool {
        self.auth.contains(&kind)
    }
}
