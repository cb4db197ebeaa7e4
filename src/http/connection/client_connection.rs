use std::{
    cell::Cell,
    convert::Infallible,
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::refusal::Refusal;

/// What the stream of a connection, the request on it and its response know of each other. All of them live in one task.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientConnection(Rc<State>);

#[derive(Debug, Default)]
struct State {
    refusal: Cell<Option<Refusal>>,
    responded: Cell<bool>,
    hung_up: Cell<bool>,
    waits: Cell<bool>,
}

impl ClientConnection {
    fn of(request: &HttpRequest) -> Option<&Self> {
        request.conn_data()
    }

    /// Why the request is refused before anything else looks at it.
    pub(crate) fn refusal(request: &HttpRequest) -> Option<Refusal> {
        Self::of(request)?.0.refusal.get()
    }

    /// The response waits for something to happen. From now on the connection ends at once when the client hangs up, and
    /// the response is dropped. False if the client has already hung up; then nothing must wait for its sake.
    ///
    /// A client that only stopped sending counts as one that hung up: the two look alike until a write fails. Other
    /// requests are served to their end nevertheless, because a write must not stop half-way.
    pub(crate) fn begin_waiting(&self) -> bool {
        self.0.waits.set(true);
        !self.0.hung_up.get()
    }

    /// The client sends nothing more. Whether a response waits for its sake.
    pub(super) fn hang_up(&self) -> bool {
        self.0.hung_up.set(true);
        self.0.waits.get()
    }

    pub(super) fn begin_request(&self, refusal: Option<Refusal>) {
        self.0.refusal.set(refusal);
        self.0.responded.set(false);
        self.0.waits.set(false);
    }

    /// The framework has the whole response.
    pub(super) fn end_response(&self) {
        self.0.responded.set(true);
    }

    pub(super) fn take_responded(&self) -> bool {
        self.0.responded.replace(false)
    }
}

impl FromRequest for ClientConnection {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request).cloned().unwrap_or_default()))
    }
}
