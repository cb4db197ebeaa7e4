use std::future::Future;

use crate::{app::Uow, domain::TenantId};

use super::{OrderRepo, RepoError};

/// Starts units of work. PostgreSQL and memory each have one.
pub trait UnitOfWork: Clone + Send + Sync + 'static {
    type Repo: OrderRepo;

    fn begin(&self, tenant: &TenantId) -> impl Future<Output = Result<Uow<Self::Repo>, RepoError>> + Send;
}
