use std::io::Cursor;

use serde::Serializer;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// RFC 3339, in UTC, without a `String` between.
pub(crate) fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    write(*at, |text| serializer.serialize_str(text))
}

/// RFC 3339, in UTC.
pub(crate) fn text(at: OffsetDateTime) -> String {
    write(at, str::to_owned)
}

fn write<T>(at: OffsetDateTime, take: impl FnOnce(&str) -> T) -> T {
    let mut text = Cursor::new([0; 40]);
    // RFC 3339 can write every year that a clock shows.
    let _ = at.format_into(&mut text, &Rfc3339);
    let length = usize::try_from(text.position()).unwrap_or_default();
    take(str::from_utf8(text.get_ref().get(..length).unwrap_or_default()).unwrap_or_default())
}
