use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_http::{
    BoxedPayloadStream, ConnectionType, Payload, Request, Response, Version,
    body::{BodySize, BoxBody, MessageBody},
    error::PayloadError,
};
use actix_service::{ServiceFactory, apply_fn_factory};
use actix_web::{
    Error,
    dev::{Service, ServiceResponse},
    web::Bytes,
};
use futures_util::{FutureExt, Stream};

use super::client_connection::ClientConnection;

/// Lets the connection of each request know when the service reads the body, and when the response is complete.
pub(crate) fn track_responses<A>(
    app: A,
) -> impl ServiceFactory<Request, Config = (), Response = Response<TrackedBody>, Error = Error, InitError = ()>
where
    A: ServiceFactory<Request, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>,
{
    apply_fn_factory(app, |request: Request, app: &A::Service| {
        let connection = request.conn_data::<ClientConnection>().cloned().unwrap_or_default();
        let version = request.version();
        let request = if connection.is_body_withheld() { with_wanted_body(request, &connection) } else { request };
        // Not an async block, which would have room for the future of the app twice.
        app.call(request).map(move |answered| {
            let response: Response<BoxBody> = answered.map_or_else(Into::into, Into::into);
            Ok(as_framed_in(version, response).map_body(|_, body| TrackedBody { body, connection }))
        })
    })
}

/// A body of unknown length ends with the connection in HTTP/1.0, which has no chunks (RFC 9112, section 7).
fn as_framed_in(version: Version, mut response: Response<BoxBody>) -> Response<BoxBody> {
    if version < Version::HTTP_11 && response.body().size() == BodySize::Stream {
        let head = response.head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    response
}

fn with_wanted_body(request: Request, connection: &ClientConnection) -> Request {
    let (request, payload) = request.replace_payload(Payload::<BoxedPayloadStream>::None);
    let payload: BoxedPayloadStream = Box::pin(WantedBody { payload, connection: connection.clone() });
    request.replace_payload(Payload::Stream { payload }).0
}

/// The body of a request whose client sends it when the service wants it.
struct WantedBody {
    payload: Payload,
    connection: ClientConnection,
}

impl Stream for WantedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.connection.want_body(context);
        Pin::new(&mut self.payload).poll_next(context)
    }
}

/// The body of a response. The framework drops it when it has read all of it.
#[derive(Debug)]
pub(crate) struct TrackedBody {
    body: BoxBody,
    connection: ClientConnection,
}

impl MessageBody for TrackedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.connection.end_response();
    }
}
