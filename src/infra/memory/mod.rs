//! The store in memory, for tests and demos. It has the same contract as PostgreSQL, with real roll-backs. Its data ends
//! with the process.

mod api_keys;
mod event_log;
mod keys;
mod order_stats;
mod queries;
mod repo;
mod sink_cursors;
mod state;

use std::sync::Arc;

use crate::{
    app::{UnitOfWork, Uow},
    domain::{Actor, TenantId},
    infra::cause::current_cause,
};

use repo::InMemoryOrderRepo;
use state::Shared;

#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

impl UnitOfWork for MemoryStore {
    type Repo = InMemoryOrderRepo;

    fn begin(&self, tenant: &TenantId, actor: Option<Actor>) -> Uow<InMemoryOrderRepo> {
        Uow::new(InMemoryOrderRepo::new(self.shared.clone(), tenant.clone(), current_cause(actor)))
    }
}
