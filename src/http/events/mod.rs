//! The event log over HTTP: the feed and the stream.

pub(crate) mod event_body;
pub(crate) mod feed;
pub(crate) mod stream;
