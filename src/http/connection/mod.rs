//! What a client's connection does below the framework: it admits one request at a time, and bounds how long each part of
//! a request may take to arrive.
//!
//! actix-http decodes pipelined requests as they come, bounds only the first head of a connection, and forgets its
//! keep-alive timer at the first byte of the next head. `RequestStream` stands between it and the socket.

mod body;
mod client_connection;
mod deadline;
mod head;
mod head_fields;
mod intake;
mod places;
mod refusal;
mod request_stream;
mod respond;

pub(crate) use client_connection::ClientConnection;
pub(crate) use intake::ArrivalLimits;
pub(crate) use places::{Places, RESERVE};
pub(crate) use request_stream::RequestStream;
pub(crate) use respond::track_responses;
