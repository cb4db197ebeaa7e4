use std::{cell::Cell, rc::Rc};

use actix_web::HttpRequest;

use super::refusal::Refusal;

/// What the stream of a connection, the request on it and its response know of each other. All of them live in one task.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientConnection(Rc<State>);

#[derive(Debug, Default)]
struct State {
    refusal: Cell<Option<Refusal>>,
    responded: Cell<bool>,
}

impl ClientConnection {
    fn of(request: &HttpRequest) -> Option<&Self> {
        request.conn_data()
    }

    /// Why the request is refused before anything else looks at it.
    pub(crate) fn refusal(request: &HttpRequest) -> Option<Refusal> {
        Self::of(request)?.0.refusal.get()
    }

    pub(super) fn begin_request(&self, refusal: Option<Refusal>) {
        self.0.refusal.set(refusal);
        self.0.responded.set(false);
    }

    /// The framework has the whole response.
    pub(super) fn end_response(&self) {
        self.0.responded.set(true);
    }

    pub(super) fn take_responded(&self) -> bool {
        self.0.responded.replace(false)
    }
}
