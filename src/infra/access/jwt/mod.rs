//! JSON Web Tokens (RFC 7519), signed with the keys of an identity provider (RFC 7517).

mod claims;
mod crypto;
mod jwks;
mod key_set;
mod verifier;

pub use jwks::JwksError;
pub(super) use verifier::Jwt;
pub use verifier::JwtSettings;
