//! The event log over HTTP: the feed and the stream.

mod event_query;
pub(crate) mod feed;
pub(crate) mod stream;
