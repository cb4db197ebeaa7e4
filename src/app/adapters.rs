use crate::domain::{Context, OrderRules, Stamp};

use super::{
    ApiKeys, Authenticator, Clock, EventBus, EventLog, IdGenerator, IdempotencyKeys, OrderQueries, OrderStats,
    PricingService, RateLimiter, SinkCursors, Telemetry, UnitOfWork,
};

/// All ports of a store.
pub trait Store: UnitOfWork + OrderQueries + OrderStats + IdempotencyKeys + EventLog + ApiKeys + SinkCursors {}

impl<S: UnitOfWork + OrderQueries + OrderStats + IdempotencyKeys + EventLog + ApiKeys + SinkCursors> Store for S {}

/// All ports as one type parameter.
pub trait Ports: Clone + Send + Sync + 'static {
    type Store: Store;
    type Pricing: PricingService;
    type Clock: Clock;
    type Ids: IdGenerator;
    type Bus: EventBus;
    type Telemetry: Telemetry;
    type Access: Authenticator;
    type Limits: RateLimiter;

    fn store(&self) -> &Self::Store;
    fn pricing(&self) -> &Self::Pricing;
    fn clock(&self) -> &Self::Clock;
    fn ids(&self) -> &Self::Ids;
    fn bus(&self) -> &Self::Bus;
    fn telemetry(&self) -> &Self::Telemetry;
    fn access(&self) -> &Self::Access;
    fn limits(&self) -> &Self::Limits;

    /// The rules of orders that this service runs with.
    fn rules(&self) -> OrderRules;

    /// The context of the next decision.
    fn context(&self) -> Context {
        Context { rules: self.rules(), stamp: self.stamp() }
    }

    fn stamp(&self) -> Stamp {
        let now = self.clock().now();
        Stamp::new(self.ids().event_id(now), now)
    }
}

/// One adapter for each port, and the rules of orders.
#[derive(Clone, Debug)]
pub struct Adapters<S, P, C, I, B, T, A, L> {
    pub store: S,
    pub pricing: P,
    pub clock: C,
    pub ids: I,
    pub bus: B,
    pub telemetry: T,
    pub access: A,
    pub limits: L,
    pub rules: OrderRules,
}

impl<S, P, C, I, B, T, A, L> Ports for Adapters<S, P, C, I, B, T, A, L>
where
    S: Store,
    P: PricingService,
    C: Clock,
    I: IdGenerator,
    B: EventBus,
    T: Telemetry,
    A: Authenticator,
    L: RateLimiter,
{
    type Store = S;
    type Pricing = P;
    type Clock = C;
    type Ids = I;
    type Bus = B;
    type Telemetry = T;
    type Access = A;
    type Limits = L;

    fn store(&self) -> &S {
        &self.store
    }

    fn pricing(&self) -> &P {
        &self.pricing
    }

    fn clock(&self) -> &C {
        &self.clock
    }

    fn ids(&self) -> &I {
        &self.ids
    }

    fn bus(&self) -> &B {
        &self.bus
    }

    fn telemetry(&self) -> &T {
        &self.telemetry
    }

    fn access(&self) -> &A {
        &self.access
    }

    fn limits(&self) -> &L {
        &self.limits
    }

    fn rules(&self) -> OrderRules {
        self.rules
    }
}
