//! The wire format of an event: what the event log stores, and what every consumer receives.
//!
//! `kinds` has one table with a row for each kind of event. It gives the type strings, the encoder, the decoder and the JSON
//! Schemas, so none of them can miss a kind. `data` has the JSON object of each kind, and `envelope` the CloudEvents object
//! around it.

mod data;
mod envelope;
mod kinds;
mod schema;

pub use data::EventDataError;
pub use envelope::{AttributeValue, cloud_event_schema};
pub use kinds::{EVENT_TYPES, data_schema, decode_data, encode_data, event_type};
