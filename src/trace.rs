//! The trace that the current task belongs to (W3C Trace Context, level 1). HTTP sets it for each request. Logging and calls
//! to other services read it here, so no function in between has a parameter for it.

use std::fmt;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The trace of a request: from its header `traceparent`, or begun here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Never 0.
    trace_id: u128,
    /// The span of the caller; never 0. `None` if the trace begins here.
    parent_id: Option<u64>,
    is_sampled: bool,
}

impl TraceContext {
    /// A trace that begins here. It is not sampled.
    pub const fn begin(trace_id: u128) -> Self {
        Self { trace_id, parent_id: None, is_sampled: false }
    }

    /// Parses the header `traceparent` (section 3.2): version, trace id, parent id and flags in lower-case hexadecimal
    /// digits. A later version may append further fields. `None` if the header is malformed. Only the flag `sampled` has a
    /// meaning; the standard requires 0 for the other ones.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let version = hexadecimal(parts.next()?, 2)?;
        let trace_id = hexadecimal(parts.next()?, 32)?;
        let parent_id = u64::try_from(hexadecimal(parts.next()?, 16)?).ok()?;
        let flags = hexadecimal(parts.next()?, 2)?;
        let is_valid = version != 0xff && trace_id != 0 && parent_id != 0 && (version > 0 || parts.next().is_none());
        let is_sampled = flags & 1 == 1;
        is_valid.then_some(Self { trace_id, parent_id: Some(parent_id), is_sampled })
    }

    /// The header for a request to another service, whose span has the id `span_id`.
    pub fn traceparent(self, span_id: u64) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, span_id.max(1), u8::from(self.is_sampled))
    }

    /// The header that the caller sent, in the form of version 00. `None` if it sent none.
    pub fn traceparent_of_caller(self) -> Option<String> {
        self.parent_id.map(|parent_id| self.traceparent(parent_id))
    }

    /// Runs the work as a part of this trace.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// The trace of the current task, if it has one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|context| *context).ok()
    }
}

/// Writes the trace id.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.trace_id)
    }
}

fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_hexadecimal = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hexadecimal { u128::from_str_radix(text, 16).ok() } else { None }
}
