use super::SinkStatus;

/// Counts what the use cases do, for the operators of the service.
pub trait Telemetry: Clone + Send + Sync + 'static {
    /// Another writer changed the order first.
    fn lost_race(&self);

    /// A use case decides a change again.
    fn retried(&self);

    /// A repeated request received the response of the first one.
    fn replayed(&self);

    /// The subscribers of the event bus have received all events up to this position. It decreases only after the
    /// database was restored from an older backup.
    fn published(&self, position: u64);

    /// The sinks of all instances, as this instance sees them now.
    fn sinks(&self, instance: &str, sinks: &[SinkStatus]);

    /// The sink has acknowledged so many events.
    fn sink_delivered(&self, sink: &'static str, events: usize);

    /// So many events are sent to the sink again.
    fn sink_repeated(&self, sink: &'static str, events: usize);

    /// The sink has refused an event, or its connection has failed.
    fn sink_failed(&self, sink: &'static str);
}
