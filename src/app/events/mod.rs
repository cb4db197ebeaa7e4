//! The event log: reading it, following it, and the wire format of its events.

mod logged_event;
mod read_events;
mod subscribe_events;
mod tail_event_log;
mod wire;

pub use logged_event::{Audience, Cause, EventFilter, LoggedEvent, Numbers};
pub use read_events::{EventPage, ReadEvents, ReadEventsError, ReadEventsRequest};
pub use subscribe_events::{EventStream, EventStreamError, SubscribeEvents, SubscribeEventsRequest};
pub use tail_event_log::TailEventLog;
pub use wire::{
    AttributeValue, EVENT_TYPES, EventDataError, cloud_event_schema, data_schema, decode_data, encode_data, event_type,
};
