//! Reading the event log, and following it.

mod follow_events;
mod follow_log;
mod logged_event;
mod read_events;
mod wire;

pub use follow_events::{EventStream, EventStreamError, FollowEvents, FollowEventsRequest};
pub use follow_log::FollowLog;
pub use logged_event::{EventFilter, LoggedEvent};
pub use read_events::{EventPage, ReadEvents, ReadEventsError, ReadEventsRequest};
pub use wire::{EVENT_TYPES, EventDataError, cloud_event_schema, data_schema, decode_data, encode_data, event_type};
