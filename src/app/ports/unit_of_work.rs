use crate::{
    app::Uow,
    domain::{Actor, TenantId},
};

use super::OrderRepo;

/// Begins units of work. PostgreSQL and memory each have one.
pub trait UnitOfWork: Clone + Send + Sync + 'static {
    type Repo: OrderRepo;

    /// Opens no transaction: the first read with [`super::Lock::Write`] does, or else the commit. The events have this actor.
    fn begin(&self, tenant: &TenantId, actor: Option<Actor>) -> Uow<Self::Repo>;
}
