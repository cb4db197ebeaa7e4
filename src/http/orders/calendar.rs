//! Days in a time zone.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::http::{request::text::TextValue, response::problem::Problem};

/// A calendar date (ISO 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day(Date);

impl TextValue for Day {
    fn schema() -> Value {
        json!({"type": "string", "format": "date"})
    }

    fn parse(text: &str) -> Result<Self, String> {
        let is_date = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let date = is_date.then(|| text.parse().ok()).flatten();
        // Times of other years have no form in RFC 3339, with any time zone.
        let date = date.filter(|date: &Date| (1..=9998).contains(&date.year()));
        date.map(Self).ok_or_else(|| "A day has the form of ISO 8601, e.g. 2026-01-31.".to_owned())
    }
}

/// A time zone of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeZoneName(TimeZone);

impl TextValue for TimeZoneName {
    fn schema() -> Value {
        json!({"type": "string", "examples": ["UTC", "Europe/Berlin"], "default": "UTC"})
    }

    fn parse(text: &str) -> Result<Self, String> {
        let zone = TimeZone::get(text).ok().filter(|zone| zone.iana_name().is_some());
        zone.map(Self).ok_or_else(|| {
            "The value is the name of a time zone in the IANA database, e.g. Europe/Berlin or UTC.".to_owned()
        })
    }
}

/// Consecutive days.
#[derive(Clone, Debug)]
pub(super) struct Days {
    first: Date,
    last: Date,
    zone: TimeZone,
}

/// The most days of one request.
const MAX_DAYS: i32 = 366;

/// How many days a request has that does not name the first one.
const DEFAULT_DAYS: i32 = 30;

impl Days {
    pub(super) fn new(
        from: Option<Day>,
        to: Option<Day>,
        zone: Option<TimeZoneName>,
        now: OffsetDateTime,
    ) -> Result<Self, Problem> {
        let zone = zone.map_or(TimeZone::UTC, |TimeZoneName(zone)| zone);
        let out_of_range = |_| Problem::parameter("to", "There is no such day.");
        let now = Timestamp::from_second(now.unix_timestamp()).map_err(out_of_range)?;
        let last = to.map_or_else(|| zone.to_datetime(now).date(), |Day(to)| to);
        let first = match from {
            Some(Day(from)) => from,
            None => last.checked_sub((DEFAULT_DAYS - 1).days()).map_err(out_of_range)?,
        };
        if first > last {
            return Err(Problem::parameter("from", format!("The first day, {first}, is after the last one, {last}.")));
        }
        let days = Self { first, last, zone };
        if days.count() > MAX_DAYS {
            let detail =
                format!("There are {} days from {first} to {last}; a request has {MAX_DAYS} at most.", days.count());
            return Err(Problem::parameter("from", detail));
        }
        Ok(days)
    }

    fn count(&self) -> i32 {
        (self.last - self.first).get_days() + 1
    }

    /// The moments at which the days begin, and at which the last one ends. A day has 23 to 25 hours where clocks change.
    pub(super) fn begins(&self) -> Result<Vec<OffsetDateTime>, Problem> {
        let begin = |day: i32| {
            let date = self.first.checked_add(day.days()).ok()?;
            let begin = date.to_zoned_datetime(self.zone.clone()).ok()?;
            OffsetDateTime::from_unix_timestamp(begin.timestamp().as_second()).ok()
        };
        let begins: Option<Vec<_>> = (0..=self.count()).map(begin).collect();
        begins.ok_or_else(|| Problem::parameter("from", "There is no such day."))
    }

    /// The day with this index.
    pub(super) fn name(&self, index: usize) -> Option<String> {
        let day = i32::try_from(index).ok()?;
        Some(self.first.checked_add(day.days()).ok()?.to_string())
    }

    pub(super) fn first(&self) -> String {
        self.first.to_string()
    }

    pub(super) fn last(&self) -> String {
        self.last.to_string()
    }

    pub(super) fn time_zone(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }
}
