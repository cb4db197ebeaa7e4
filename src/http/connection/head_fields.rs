use httparse::Header;

use super::{body::Body, refusal::Refusal};

/// What of the headers decides about the connection and the body.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) hosts: usize,
    pub(super) length: Option<u64>,
    chunked: bool,
    pub(super) connection: ConnectionOptions,
    pub(super) awaits_continue: bool,
    has_hidden: bool,
}

/// RFC 9110, section 7.6.1.
#[derive(Default)]
pub(super) struct ConnectionOptions {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    /// The client offers another protocol.
    pub(super) upgrade: bool,
}

impl Fields {
    pub(super) fn read(headers: &[Header<'_>]) -> Result<Self, Refusal> {
        let mut fields = Self::default();
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case("host") {
                fields.hosts += 1;
            } else if name.eq_ignore_ascii_case("connection") {
                fields.connection.add(value);
            } else if is_hidden(name) {
                fields.has_hidden = true;
                let mut expectations = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                fields.awaits_continue |= name.eq_ignore_ascii_case("expect")
                    && expectations.any(|expected| expected.eq_ignore_ascii_case(b"100-continue"));
            } else if name.eq_ignore_ascii_case("content-length") {
                if fields.length.is_some() {
                    return Err(Refusal::Malformed("A request has at most one Content-Length."));
                }
                let length = content_length(value).ok_or(Refusal::Malformed("Content-Length is a number of bytes."))?;
                fields.length = Some(length);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if fields.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::Malformed("The only Transfer-Encoding is chunked."));
                }
                fields.chunked = true;
            }
        }
        Ok(fields)
    }

    /// Whether there is something that the framework must not see.
    pub(super) const fn hides(&self) -> bool {
        self.has_hidden || self.connection.upgrade
    }

    pub(super) fn body(&self, is_1_0: bool) -> Result<Option<Body>, Refusal> {
        match (self.chunked, self.length) {
            (true, _) if is_1_0 => Err(Refusal::Malformed("HTTP/1.0 has no Transfer-Encoding.")),
            (true, Some(_)) => Err(Refusal::Malformed("A request has a Content-Length or a Transfer-Encoding.")),
            (true, None) => Ok(Some(Body::CHUNKED)),
            (false, None | Some(0)) => Ok(None),
            (false, Some(length)) => Ok(Some(Body::Length(length))),
        }
    }
}

impl ConnectionOptions {
    fn add(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }
}

/// `Upgrade`, what belongs to it, and `Expect` (RFC 9110, sections 7.8 and 10.1.1; RFC 7540, section 3.2.1).
pub(super) fn is_hidden(name: &str) -> bool {
    ["upgrade", "http2-settings", "expect"].iter().any(|hidden| name.eq_ignore_ascii_case(hidden))
}

fn content_length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value.trim_ascii()).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
