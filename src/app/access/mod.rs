//! API keys: create, list, rotate, revoke.

mod create_key;
mod list_keys;
mod managed_key;
mod revoke_key;
mod rotate_key;

pub use create_key::{CreateKey, CreateKeyError, CreateKeyRequest, CreatedKey};
pub use list_keys::ListKeys;
pub use managed_key::ManageKeyError;
pub use revoke_key::RevokeKey;
pub use rotate_key::RotateKey;
