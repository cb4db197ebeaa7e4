//! Who sends a request: API keys, and tokens of an identity provider. And how often a caller may ask.

mod authenticator;
mod bounded;
mod credential_cache;
mod jwt;
mod key_text;
mod limits;

pub use authenticator::{Access, AccessSettings};
pub use jwt::{JwksError, JwtSettings};
pub use key_text::KeyText;
pub use limits::{LimitSettings, Limits, LimitsError, Rate};
