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

    /// A sink has received all events up to this position.
    fn delivered(&self, sink: &'static str, position: u64);
}
