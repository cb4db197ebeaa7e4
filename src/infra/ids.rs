use time::OffsetDateTime;
use uuid::Uuid;

use crate::{app::IdGenerator, domain::OrderId};

/// Time-ordered ids (RFC 9562, section 5.7) with 62 random bits after the time.
#[derive(Clone, Copy, Debug)]
pub struct UuidV7;

impl IdGenerator for UuidV7 {
    fn order_id(&self, created_at: OffsetDateTime) -> OrderId {
        OrderId::new(created_at, entropy())
    }

    fn event_id(&self, occurred_at: OffsetDateTime) -> Uuid {
        OrderId::new(occurred_at, entropy()).as_uuid()
    }
}

#[expect(clippy::disallowed_methods, reason = "the only place that generates random ids")]
fn entropy() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}
