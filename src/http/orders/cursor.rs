use std::hash::Hasher;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{
    app::OrderFilter,
    domain::{OrderId, Principal},
    http::response::{code::Code, problem::Problem},
};

/// A position in a list of orders. It is opaque to clients, and valid only for a list with the same filters, tenant and
/// customer.
///
/// 24 bytes in base64url (RFC 4648, section 5): the id of the page's last order, then a hash of the filter.
pub(crate) fn encode(last: OrderId, principal: &Principal, filter: &OrderFilter) -> String {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(last.as_uuid().as_bytes());
    bytes[16..].copy_from_slice(&fingerprint(principal, filter).to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str, principal: &Principal, filter: &OrderFilter) -> Result<OrderId, Problem> {
    let bytes: Option<[u8; 24]> = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    let malformed = || Problem::new(Code::InvalidCursor, "The cursor is malformed. Use next_cursor unchanged.");
    let bytes = bytes.ok_or_else(malformed)?;
    let (id, hash) = bytes.split_at(16);
    if hash != fingerprint(principal, filter).to_be_bytes() {
        return Err(Problem::new(Code::InvalidCursor, "The cursor belongs to a list with other filters."));
    }
    Uuid::from_slice(id).map(OrderId::from_uuid).map_err(|_| malformed())
}

/// FNV-1a over the filter and whose orders it shows: the same in every instance and release. The hashers of `std` do not guarantee that.
fn fingerprint(principal: &Principal, filter: &OrderFilter) -> u64 {
    let OrderFilter { customer_id, status, created_from, created_to } = filter;
    let mut hash = Fnv1a(0xcbf2_9ce4_8422_2325);
    let time = |time: &Option<time::OffsetDateTime>| time.map(|time| time.unix_timestamp_nanos().to_string());
    let parts = [
        customer_id.as_ref().map(ToString::to_string),
        status.map(|status| status.to_string()),
        time(created_from),
        time(created_to),
    ];
    for part in parts {
        // An absent part differs from an empty one, and the boundary of two parts is part of the hash.
        hash.write(&[u8::from(part.is_some())]);
        hash.write(part.unwrap_or_default().as_bytes());
        hash.write(&[0]);
    }
    // Not where nobody is authenticated: cursors from before access control stay valid.
    if principal.subject().is_some() {
        hash.write(principal.tenant.as_str().as_bytes());
        hash.write(&[0]);
        hash.write(principal.customer.as_ref().map_or(&[], |customer| customer.as_str().as_bytes()));
    }
    hash.finish()
}

struct Fnv1a(u64);

impl Hasher for Fnv1a {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
