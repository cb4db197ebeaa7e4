use orders::{
    app::{Adapters, Store},
    domain::OrderRules,
    infra::{
        Access, AccessSettings, InProcessBus, LimitSettings, Limits, Metrics, StaticCatalogue, SystemClock, UuidV7,
    },
};

/// The adapters of a test: those of the service around the given store, with the built-in catalogue. A test replaces the
/// fields that it is about: `Adapters { bus, ..adapters(store) }`.
pub(crate) type TestAdapters<S> =
    Adapters<S, StaticCatalogue, SystemClock, UuidV7, InProcessBus, Metrics, Access<S>, Limits>;

pub(crate) fn adapters<S: Store>(store: S) -> TestAdapters<S> {
    Adapters {
        access: Access::new(store.clone(), AccessSettings::default()).unwrap(),
        limits: Limits::new(no_limits(), "test".to_owned()).unwrap(),
        store,
        pricing: StaticCatalogue::built_in().unwrap(),
        clock: SystemClock,
        ids: UuidV7,
        bus: InProcessBus::new(InProcessBus::DEFAULT_CAPACITY),
        telemetry: Metrics::new("0", "test"),
        rules: OrderRules::DEFAULT,
    }
}

pub(crate) fn no_limits() -> LimitSettings {
    LimitSettings { rate: None, failures: "1000000/s".parse().unwrap(), redis_url: None }
}
