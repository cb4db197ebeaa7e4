use std::mem::MaybeUninit;

use actix_web::http::Uri;
use httparse::{Error, Header, Request, Status};

use super::{
    body::Body,
    head_fields::{ConnectionOptions, Fields, is_hidden},
    refusal::Refusal,
};

/// The framework reads a head of less than 128 KiB.
const MAX_BYTES: usize = 128 * 1024 - 1;

/// As many as the framework reads.
const MAX_HEADERS: usize = 96;

/// The longest URI that the framework has room for.
const MAX_TARGET: usize = 65_534;

/// The longest target that a refusal is logged with.
const MAX_LOGGED_TARGET: usize = 2048;

/// What the bytes that begin a request are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Partial,
    Head(Head),
    /// With the head that the framework sees in place of this one.
    Refused(Refusal, Vec<u8>),
}

/// The head of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// In bytes.
    pub(super) length: usize,
    /// The head that the framework sees, if it differs from the one that came.
    pub(super) reduced: Option<Vec<u8>>,
    pub(super) body: Option<Body>,
    /// This is the last request of the connection.
    pub(super) close: bool,
    /// The client waits for 100 (Continue) before it sends the body.
    pub(super) awaits_continue: bool,
}

/// What else the connection may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    Anything,
    /// Nothing after this request.
    LastRequest,
    /// This request, if it is for the health.
    LastRequestForHealth,
}

pub(super) fn parse(bytes: &[u8], terms: Terms) -> Parsed {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = Request::new(&mut []);
    let read = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(Status::Partial) => match bytes.len() {
            MAX_BYTES.. if request.path.is_some() => Err(Refusal::HeadTooLarge),
            MAX_TARGET.. if request.path.is_none() => Err(Refusal::TargetTooLong),
            _ => return Parsed::Partial,
        },
        Ok(Status::Complete(length)) => read(&request, length, terms),
        Err(Error::TooManyHeaders) => Err(Refusal::HeadTooLarge),
        Err(Error::Version) => Err(Refusal::Malformed("The version is neither HTTP/1.1 nor HTTP/1.0.")),
        Err(_) => Err(Refusal::Malformed("The request is not well-formed HTTP.")),
    };
    match read {
        Ok(head) => Parsed::Head(head),
        Err(refusal) => Parsed::Refused(refusal, stand_in(&request)),
    }
}

/// The head that the framework sees if the client never sends all of this one.
pub(super) fn time_out(bytes: &[u8]) -> Vec<u8> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = Request::new(&mut []);
    // What is there of it may give a method and a path.
    let _ = request.parse_with_uninit_headers(bytes, &mut headers);
    stand_in(&request)
}

fn read(request: &Request<'_, '_>, length: usize, terms: Terms) -> Result<Head, Refusal> {
    let target = request.path.unwrap_or_default();
    if terms == Terms::LastRequestForHealth && !target.starts_with("/health/") {
        return Err(Refusal::NoPlace);
    }
    if length > MAX_BYTES {
        return Err(Refusal::HeadTooLarge);
    }
    if target.len() > MAX_TARGET {
        return Err(Refusal::TargetTooLong);
    }
    if !is_plain(target) && Uri::try_from(target).is_err() {
        return Err(Refusal::Malformed("The request target is not a URI."));
    }
    let is_1_0 = request.version == Some(0);
    let mut fields = Fields::read(request.headers)?;
    let body = fields.body(is_1_0)?;
    if fields.hosts > 1 || (fields.hosts == 0 && !is_1_0) {
        return Err(Refusal::Malformed("A request of HTTP/1.1 has one Host header."));
    }
    let method = request.method.unwrap_or_default();
    if is_1_0 && method == "POST" && fields.length.is_none() {
        return Err(Refusal::Malformed("A POST of HTTP/1.0 has a Content-Length."));
    }
    let is_changed = fields.hides() || (terms != Terms::Anything && !fields.connection.close);
    fields.connection.close |= terms != Terms::Anything;
    // What follows CONNECT is no HTTP.
    let options = &fields.connection;
    let close = options.close || (is_1_0 && !options.keep_alive) || method == "CONNECT";
    let reduced = is_changed.then(|| reduced(request, options));
    Ok(Head { length, reduced, body, close, awaits_continue: fields.awaits_continue && !is_1_0 })
}

/// The head without what the framework handles in another way than the service wants.
///
/// - An offer to change the protocol: the service ignores it. The framework repeats `Connection: upgrade` in the response,
///   ends the connection, and reads a request that offers WebSocket to the end of the connection.
/// - `Expect: 100-continue`: the service sends 100 when it begins to read the body. The framework sends it at once.
fn reduced(request: &Request<'_, '_>, options: &ConnectionOptions) -> Vec<u8> {
    let method = request.method.unwrap_or_default();
    let target = request.path.unwrap_or_default();
    let version = request.version.unwrap_or(1);
    let mut head = format!("{method} {target} HTTP/1.{version}\r\n").into_bytes();
    let mut add = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    for Header { name, value } in &*request.headers {
        if !name.eq_ignore_ascii_case("connection") && !is_hidden(name) {
            add(name, value);
        }
    }
    if options.close {
        add("connection", b"close");
    } else if options.keep_alive {
        add("connection", b"keep-alive");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Whether the target has only characters that any URI may have.
fn is_plain(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii() && (PLAIN >> byte) & 1 == 1)
}

/// A bit for each of these characters of ASCII.
const PLAIN: u128 = {
    let (mut plain, mut byte) = (0, 0_u8);
    while byte < 128 {
        let is_plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'/' | b'?' | b'&' | b'=' | b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b',' | b'+');
        plain |= (is_plain as u128) << byte;
        byte += 1;
    }
    plain
};

/// A request without a body, with the method and the path of the refused one if it has them.
fn stand_in(request: &Request<'_, '_>) -> Vec<u8> {
    let method = request.method.filter(|method| *method != "CONNECT").unwrap_or("GET");
    let target = request.path.filter(|target| target.len() <= MAX_LOGGED_TARGET && is_plain(target)).unwrap_or("/");
    format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").into_bytes()
}
