use crate::{
    app::{UnitOfWork, Uow},
    domain::{Actor, TenantId},
    infra::cause::current_cause,
};

use super::{repo::PgOrderRepo, store::PgStore};

impl UnitOfWork for PgStore {
    type Repo = PgOrderRepo;

    fn begin(&self, tenant: &TenantId, actor: Option<Actor>) -> Uow<PgOrderRepo> {
        Uow::new(PgOrderRepo::new(self.clone(), tenant.clone(), current_cause(actor)))
    }
}
