use std::{fmt, str::FromStr};

use time::{Duration, OffsetDateTime};
use uuid::{Builder, Uuid};

/// Names an order: a UUID, version 7 for new ones (RFC 9562, section 5.7), so that ids sort by the time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(Uuid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order id is a UUID in its hyphenated form, e.g. 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct OrderIdError;

impl OrderId {
    /// The id of an order created at this time. `entropy` distinguishes orders of the same microsecond.
    ///
    /// The 12 bits behind the milliseconds hold the rest of the time, in steps of 1/4096 ms (RFC 9562, section 6.2,
    /// method 3). So ids of different microseconds sort by time, and a range of times is a range of ids.
    pub fn new(created_at: OffsetDateTime, entropy: u64) -> Self {
        let micros = (created_at - OffsetDateTime::UNIX_EPOCH).whole_microseconds().max(0);
        let millis = u64::try_from(micros / 1000).unwrap_or(u64::MAX);
        let fraction = u16::try_from(micros % 1000 * 4096 / 1000).unwrap_or(0);
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&fraction.to_be_bytes());
        tail[2..].copy_from_slice(&entropy.to_be_bytes());
        Self(Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }

    /// The smallest id that an order created at this time, rounded up to a microsecond, can have.
    pub fn first_at(created_at: OffsetDateTime) -> Self {
        let up = (1000 - i64::from(created_at.nanosecond() % 1000)) % 1000;
        Self::new(created_at.checked_add(Duration::nanoseconds(up)).unwrap_or(created_at), 0)
    }

    /// These sort before and after every other id: the open ends of a range.
    pub const MIN: Self = Self(Uuid::nil());
    pub const MAX: Self = Self(Uuid::max());

    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for OrderId {
    type Err = OrderIdError;

    fn from_str(text: &str) -> Result<Self, OrderIdError> {
        // Only the hyphenated form (RFC 9562, section 4), so that an order has one URL.
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(OrderIdError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| OrderIdError)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
