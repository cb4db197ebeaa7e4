use orders::{
    app::{Adapters, Store},
    domain::OrderRules,
    infra::{InProcessBus, Metrics, StaticCatalogue, SystemClock, UuidV7},
};

/// The adapters of a test: those of the service around the given store, with the built-in catalogue. A test replaces the
/// fields that it is about: `Adapters { bus, ..adapters(store) }`.
pub(crate) type TestAdapters<S> = Adapters<S, StaticCatalogue, SystemClock, UuidV7, InProcessBus, Metrics>;

pub(crate) fn adapters<S: Store>(store: S) -> TestAdapters<S> {
    Adapters {
        store,
        pricing: StaticCatalogue::built_in().unwrap(),
        clock: SystemClock,
        ids: UuidV7,
        bus: InProcessBus::new(InProcessBus::DEFAULT_CAPACITY),
        telemetry: Metrics::new("0", "test"),
        rules: OrderRules::DEFAULT,
    }
}
