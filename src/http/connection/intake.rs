use std::{
    mem,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::web::BytesMut;
use tokio::io::ReadBuf;

use super::{
    body::{Body, Taken},
    client_connection::ClientConnection,
    deadline::Deadline,
    head::{self, Parsed, Terms},
    places::Place,
    refusal::Refusal,
};

/// How long the parts of a request may take to arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrivalLimits {
    /// From the last response to the first byte of the next request.
    pub(crate) idle: Duration,
    /// From the first byte of a head to its end; of the first head, from the beginning of the connection.
    pub(crate) head: Duration,
    /// From a response to the end of the body of its request.
    pub(crate) body: Duration,
}

/// How long the head of a request may take in the reserve, which must be free for the next connection soon.
const RESERVE_HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// Decides which of the bytes that a client sends the framework may read now: those of one request, until the response to
/// it is sent.
#[derive(Debug)]
pub(super) struct Intake {
    connection: ClientConnection,
    limits: ArrivalLimits,
    place: Place,
    deadline: Deadline,
    phase: Phase,
    /// What the client sent and the framework has not read.
    buffer: BytesMut,
    /// How many bytes of the buffer the framework may read.
    admitted: usize,
    /// How many bytes of a head were searched for its end.
    searched: usize,
    /// How many bytes of a head were parsed.
    parsed: usize,
    /// The current request is the last one.
    close: bool,
    /// The client sent what nobody reads.
    discarded: bool,
}

/// Which part of a request comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Head {
        begun: bool,
    },
    Body {
        left: Body,
        /// The response is sent before all of the request is here.
        answered: bool,
    },
    /// The request is here, its response is not sent.
    Response,
    /// The last response is sent.
    End,
    /// The body is malformed: for the framework it breaks off.
    Broken,
}

/// What the framework may read of some bytes.
enum Admission {
    /// Nothing before there is more.
    Partial,
    /// So many of them as they are.
    Pass(usize),
    /// This instead of so many of them.
    Replace { with: Vec<u8>, length: usize },
}

impl Intake {
    pub(super) fn new(mut limits: ArrivalLimits, mut place: Place) -> Self {
        if place.is_reserve() {
            limits.head = limits.head.min(RESERVE_HEAD_TIMEOUT);
        }
        let mut deadline = Deadline::default();
        deadline.set_in(limits.head);
        Self {
            connection: ClientConnection::default(),
            limits,
            place,
            deadline,
            phase: Phase::Head { begun: true },
            buffer: BytesMut::new(),
            admitted: 0,
            searched: 0,
            parsed: 0,
            close: false,
            discarded: false,
        }
    }

    pub(super) const fn connection(&self) -> &ClientConnection {
        &self.connection
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) const fn deadline(&mut self) -> &mut Deadline {
        &mut self.deadline
    }

    /// How many bytes the client sent that the framework has not read.
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The connection ends. Whether the client may still be sending.
    pub(super) fn end(&mut self) -> bool {
        self.discarded |= !self.buffer.is_empty();
        self.buffer.clear();
        self.phase = Phase::End;
        self.close = true;
        self.discarded
    }

    /// Whether the framework was given anything.
    pub(super) fn hand_over(&mut self, into: &mut ReadBuf<'_>) -> bool {
        if self.admitted == 0 {
            return false;
        }
        let length = self.admitted.min(into.remaining());
        into.put_slice(&self.buffer.split_to(length));
        self.admitted -= length;
        if self.buffer.is_empty() {
            // A connection that waits holds no memory.
            self.buffer = BytesMut::new();
        }
        true
    }

    /// How many of the bytes, which come next and are still in the framework's buffer, can stay there. The rest is kept.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        match self.admit(bytes) {
            Admission::Partial => {
                self.buffer.extend_from_slice(bytes);
                (self.searched, self.parsed) = (bytes.len(), bytes.len());
                self.begin_head();
                0
            }
            Admission::Pass(length) => {
                self.buffer.extend_from_slice(bytes.get(length..).unwrap_or_default());
                length
            }
            Admission::Replace { with, length } => {
                self.buffer_instead(&with, bytes.get(length..).unwrap_or_default());
                0
            }
        }
    }

    /// Keeps what the client sent until the framework may read it.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.close && matches!(self.phase, Phase::Response | Phase::End) {
            self.discarded = true;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether any of what was kept may be read now.
    pub(super) fn admit_buffered(&mut self) -> bool {
        if self.buffer.is_empty() || (matches!(self.phase, Phase::Head { .. }) && !self.is_worth_parsing()) {
            return false;
        }
        let bytes = mem::take(&mut self.buffer);
        match self.admit(&bytes) {
            Admission::Partial => {
                self.parsed = bytes.len();
                self.buffer = bytes;
                self.begin_head();
                return false;
            }
            Admission::Pass(length) => {
                self.admitted = length;
                self.buffer = bytes;
            }
            Admission::Replace { with, length } => {
                self.buffer_instead(&with, bytes.get(length..).unwrap_or_default());
            }
        }
        true
    }

    /// The framework reads `with` next, and `rest` when it is admitted.
    fn buffer_instead(&mut self, with: &[u8], rest: &[u8]) {
        self.admitted = with.len();
        self.buffer = BytesMut::from(with);
        self.buffer.extend_from_slice(rest);
    }

    fn admit(&mut self, bytes: &[u8]) -> Admission {
        if !matches!(self.phase, Phase::Head { .. }) {
            return Admission::Pass(self.admit_body(bytes));
        }
        let terms = self.terms();
        match head::parse(bytes, terms) {
            Parsed::Partial => Admission::Partial,
            Parsed::Refused(refusal, stand_in) => {
                self.refuse(refusal);
                Admission::Replace { with: stand_in, length: bytes.len() }
            }
            Parsed::Head(head) => {
                let keeps_place = self.place.begin_request();
                self.connection.begin_request(None, head.awaits_continue);
                self.deadline.clear();
                self.close = head.close || !keeps_place;
                self.phase = head.body.map_or(Phase::Response, |left| Phase::Body { left, answered: false });
                if let Some(with) = head.reduced {
                    return Admission::Replace { with, length: head.length };
                }
                let behind = bytes.get(head.length..).unwrap_or_default();
                Admission::Pass(head.length + self.admit_body(behind))
            }
        }
    }

    fn terms(&mut self) -> Terms {
        if self.place.is_reserve() {
            Terms::LastRequestForHealth
        } else if self.place.is_given_away() {
            Terms::LastRequest
        } else {
            Terms::Anything
        }
    }

    /// Ready when what comes next is not waited for any longer: its time has passed, or the connection gives way to another
    /// one while it waits for a request.
    pub(super) fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if matches!(self.phase, Phase::Head { .. }) && self.place.gives_way(context) {
            return Poll::Ready(());
        }
        self.deadline.poll_passed(context)
    }

    /// How many of the bytes belong to the body.
    fn admit_body(&mut self, bytes: &[u8]) -> usize {
        let Phase::Body { left, answered } = &mut self.phase else { return 0 };
        if !bytes.is_empty() {
            self.connection.begin_body();
        }
        match left.take(bytes) {
            Taken::All => bytes.len(),
            Taken::End(length) => {
                if *answered {
                    self.next_request();
                } else {
                    self.phase = Phase::Response;
                }
                length
            }
            Taken::Malformed(length) => {
                self.phase = Phase::Broken;
                self.discarded = true;
                length
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.place.begin_request();
        self.connection.begin_request(Some(refusal), false);
        self.deadline.clear();
        self.phase = Phase::Response;
        (self.close, self.discarded) = (true, true);
    }

    fn next_request(&mut self) {
        if self.close {
            self.deadline.clear();
            self.phase = Phase::End;
        } else {
            self.deadline.set_in(self.limits.idle);
            self.place.wait_for_request();
            self.phase = Phase::Head { begun: false };
            (self.searched, self.parsed) = (0, 0);
        }
    }

    /// A head is parsed when it has an end, and now and then before, to see early that it is malformed.
    fn is_worth_parsing(&mut self) -> bool {
        let unsearched = self.buffer.get(self.searched.saturating_sub(2)..).unwrap_or_default();
        let mut ends = unsearched.windows(3).map(|end| end == b"\n\r\n" || end.ends_with(b"\n\n"));
        let has_end = ends.any(|is_end| is_end);
        self.searched = self.buffer.len();
        has_end || self.buffer.len() >= 2 * self.parsed
    }

    /// A part of a head is here. Line breaks in front of it do not count (RFC 9112, section 2.2).
    fn begin_head(&mut self) {
        while let Some(length) = match self.buffer.get(..2) {
            Some(b"\r\n") => Some(2),
            Some([b'\n', _]) => Some(1),
            _ => None,
        } {
            let _ = self.buffer.split_to(length);
            (self.searched, self.parsed) = (0, 0);
        }
        if matches!(self.phase, Phase::Head { begun: false }) && !self.buffer.is_empty() {
            self.phase = Phase::Head { begun: true };
            self.deadline.set_in(self.limits.head);
        }
    }

    /// What was awaited did not come in time. Whether the client gets a response to it.
    pub(super) fn expire(&mut self) -> bool {
        if !matches!(self.phase, Phase::Head { .. }) || self.buffer.is_empty() {
            return false;
        }
        let stand_in = head::time_out(&self.buffer);
        self.refuse(Refusal::TimedOut);
        self.buffer_instead(&stand_in, b"");
        true
    }

    /// The framework has written all that it has. Whether that ends a response.
    pub(super) fn flushed(&mut self, context: &mut Context<'_>) -> bool {
        if !self.connection.take_responded() {
            return false;
        }
        match &mut self.phase {
            Phase::Response => self.next_request(),
            Phase::Body { answered, .. } => {
                *answered = true;
                self.deadline.set_in(self.limits.body);
            }
            Phase::Head { .. } | Phase::End | Phase::Broken => {}
        }
        self.deadline.wake_when_passed(context);
        true
    }
}
