use std::time::Duration;

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The path as the API has it, with its parameters in braces; never the path of one request.
    pub route: &'a str,
    pub method: &'static str,
    pub status: u16,
}

/// Counts what happens, for those who operate the service.
pub trait Telemetry: Clone + Send + Sync + 'static {
    fn request_begun(&self);

    /// `None` for one that nobody waits for any more.
    fn request_ended(&self, answer: Option<&Answer<'_>>, took: Duration);

    /// Somebody else changed the order first.
    fn lost_race(&self);

    /// A change is decided anew.
    fn retried(&self);

    /// A repetition was answered as the first request was.
    fn replayed(&self);

    /// Subscribers have heard of all events up to this position.
    fn log_told(&self, position: u64);

    /// A sink has heard of all events up to this position.
    fn sink_told(&self, sink: &'static str, position: u64);

    /// How it is now: how many clients wait for events, and whether the service is ready.
    fn state(&self, streams: usize, ready: bool);

    /// All of it, in the text format 0.0.4 of Prometheus.
    fn tell(&self) -> String;
}
