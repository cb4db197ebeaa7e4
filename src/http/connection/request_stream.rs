use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    client_connection::ClientConnection,
    intake::{ArrivalLimits, Intake, Phase},
    places::Place,
};

/// How much of further requests is read while one is answered. It is read to notice a client that hangs up.
const MAX_AHEAD: usize = 64 * 1024;

/// How much is read at a time where the framework gives no room.
const READ_BYTES: usize = 4096;

/// How long a connection that closes early takes in what the client still sends. A reset could keep the response from the
/// client (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(1);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The stream of a client's connection, as the framework sees it: one request after the other, each when the response to
/// the one before it is sent.
#[derive(Debug)]
pub(crate) struct RequestStream {
    stream: TcpStream,
    intake: Intake,
    /// The client sends nothing more, or is not waited for any longer.
    ended: bool,
    shut_down: bool,
    /// What is left of a response that comes before the one of the framework.
    interim: &'static [u8],
}

impl RequestStream {
    pub(crate) fn new(stream: TcpStream, limits: ArrivalLimits, place: Place) -> Self {
        Self { stream, intake: Intake::new(limits, place), ended: false, shut_down: false, interim: b"" }
    }

    pub(crate) const fn connection(&self) -> &ClientConnection {
        self.intake.connection()
    }

    /// Reads into the framework's own buffer, and takes back what the framework must not see yet.
    fn poll_read_through(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let bytes = into.filled().get(before..).unwrap_or_default();
        if bytes.is_empty() {
            return Poll::Ready(self.hang_up());
        }
        let passed = self.intake.pass(bytes);
        into.set_filled(before + passed);
        Poll::Ready(Ok(()))
    }

    /// Reads what the framework must not see yet.
    fn poll_read_aside(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = [MaybeUninit::uninit(); READ_BYTES];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        if read.filled().is_empty() {
            return Poll::Ready(self.hang_up());
        }
        self.intake.keep(read.filled());
        Poll::Ready(Ok(()))
    }

    /// The client sends nothing more. An error ends the connection, with the response that waits.
    fn hang_up(&mut self) -> io::Result<()> {
        self.ended = true;
        let is_waiting = self.connection().hang_up();
        if is_waiting { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// Reads what comes while a request is answered, to notice a client that is gone. The framework sees the end of it
    /// when the response is sent.
    fn poll_read_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ended && self.intake.buffered() < MAX_AHEAD {
            ready!(self.poll_read_aside(context))?;
        }
        Poll::Pending
    }

    fn poll_interim(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.interim.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, self.interim))?;
            self.interim = self.interim.get(written..).unwrap_or_default();
        }
        Poll::Ready(Ok(()))
    }

    /// Takes in what the client still sends, for a while.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.ended {
            match self.poll_read_aside(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => break,
                Poll::Pending => return self.intake.deadline().poll_passed(context),
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for RequestStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection().take_wanted_body() {
            // All that the framework has written so far is sent: it sees a request after the response to the last one.
            this.interim = CONTINUE;
        }
        if let Poll::Ready(Err(error)) = this.poll_interim(context) {
            return Poll::Ready(Err(error));
        }
        let before = into.filled().len();
        loop {
            if this.intake.hand_over(into) {
                return Poll::Ready(Ok(()));
            }
            match this.intake.phase() {
                Phase::Response => return this.poll_read_ahead(context),
                Phase::End | Phase::Broken => return Poll::Ready(Ok(())),
                Phase::Head { .. } | Phase::Body { .. } => {}
            }
            if this.intake.admit_buffered() {
                continue;
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            let read = if this.intake.buffered() == 0 {
                this.poll_read_through(context, into)
            } else {
                this.poll_read_aside(context)
            };
            match read {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    ready!(this.intake.poll_expired(context));
                    this.ended = !this.intake.expire();
                }
            }
            if into.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for RequestStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.connection().begin_body();
        ready!(self.poll_interim(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    /// The framework flushes when it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if self.intake.flushed(context) {
            // The next request may be here, or the end of the connection.
            let is_over = self.ended || matches!(self.intake.phase(), Phase::End);
            if is_over || self.intake.buffered() > 0 {
                context.waker().wake_by_ref();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut_down {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.shut_down = true;
            self.ended |= !self.intake.end();
            self.intake.deadline().set_in(LINGER);
        }
        self.poll_linger(context).map(Ok)
    }
}
