use std::{
    cell::Cell,
    convert::Infallible,
    future::{Ready, ready},
    rc::Rc,
    task::Context,
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
    body: Cell<BodyState>,
}

/// Whether the client needs 100 (Continue) before it sends the body (RFC 9110, section 10.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum BodyState {
    /// It sends the body in any case, or has begun to.
    #[default]
    Sent,
    /// It waits.
    Withheld,
    /// It waits, and the service wants the body.
    Wanted,
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

    /// Whether a refusal spares the client the body.
    pub(crate) fn withholds_body(request: &HttpRequest) -> bool {
        Self::of(request).is_some_and(Self::is_body_withheld)
    }

    pub(super) fn is_body_withheld(&self) -> bool {
        self.0.body.get() == BodyState::Withheld
    }

    /// The service reads the body: the stream sends 100 (Continue) if the client waits for it.
    pub(super) fn want_body(&self, context: &Context<'_>) {
        if self.is_body_withheld() {
            self.0.body.set(BodyState::Wanted);
            context.waker().wake_by_ref();
        }
    }

    /// The body or the response is on its way: 100 (Continue) would be too late.
    pub(super) fn begin_body(&self) {
        self.0.body.set(BodyState::Sent);
    }

    /// Whether to send 100 (Continue) now.
    pub(super) fn take_wanted_body(&self) -> bool {
        let is_wanted = self.0.body.get() == BodyState::Wanted;
        if is_wanted {
            self.begin_body();
        }
        is_wanted
    }

    pub(super) fn begin_request(&self, refusal: Option<Refusal>, awaits_continue: bool) {
        self.0.refusal.set(refusal);
        self.0.body.set(if awaits_continue { BodyState::Withheld } else { BodyState::Sent });
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
