use std::{fmt, time::Duration};

use futures_util::TryFutureExt;

use crate::{
    app::{Cause, Changes, KeyRecord, Lock, OrderRepo, RepoError},
    domain::{Order, OrderId, OrderState, TenantId},
};

use super::{
    PgStore,
    batched_reads::select_order,
    connection::{LOCK_TIMEOUT, OwnTransaction},
    errors::repo_error,
    group_commit::{ChangeSet, write},
    rows::ReadOrder,
    turns::TenantHash,
};

/// One unit of work of one tenant. Its changes are staged in memory. Usually the group commit writes them in its shared
/// transaction. After a read with `Lock::Write`, this unit of work has a transaction of its own and writes them there.
pub struct PgOrderRepo {
    store: PgStore,
    staged: ChangeSet,
    locking: Option<OwnTransaction>,
}

impl PgOrderRepo {
    pub(super) fn new(store: PgStore, tenant: TenantId, cause: Cause) -> Self {
        Self { store, staged: ChangeSet::new(tenant, cause), locking: None }
    }

    /// Takes the order lock of this process first, so that its writers queue here. Other processes are met only then: by
    /// the row lock or, without one, by the version guard at commit.
    async fn read(&mut self, id: OrderId, lock: Lock) -> Result<Option<OrderState>, RepoError> {
        let tenant = &self.staged.tenant;
        let mut known = None;
        if !self.staged.order_locks.iter().any(|lock| lock.is_for(tenant, id)) {
            let timeout = if lock == Lock::Write { LOCK_TIMEOUT } else { ORDER_LOCK_TIMEOUT };
            match self.store.parts.order_locks.acquire(tenant, id, timeout).await {
                Some(mut order_lock) => {
                    known = order_lock.take_state();
                    self.staged.order_locks.push(order_lock);
                }
                None if lock == Lock::Write => {
                    return Err(RepoError::Unavailable("too many writers wait for the order".into()));
                }
                None => {}
            }
        }
        if lock == Lock::None {
            return self.store.read_order(tenant, id, known).await?.map(ReadOrder::into_state).transpose();
        }
        let transaction = match &mut self.locking {
            Some(transaction) => transaction,
            None => self.locking.insert(self.store.begin_locking().await?),
        };
        // A separate statement, so that the next one sees every commit that this one waited for.
        lock_order(transaction, tenant, id).await?;
        let (connection, mut time) = transaction.parts()?;
        time.bound(select_order(connection, tenant, id)).await
    }
}

/// Optimistic writers wait this long for the order lock, and then proceed and may conflict.
const ORDER_LOCK_TIMEOUT: Duration = Duration::from_secs(1);

impl OrderRepo for PgOrderRepo {
    async fn find(&mut self, id: OrderId, lock: Lock) -> Result<Option<Order>, RepoError> {
        if let Some(changes) = self.staged.staged(id) {
            return Ok(Some(Order::restore(changes.state.clone())));
        }
        Ok(self.read(id, lock).await?.map(Order::restore))
    }

    fn stage(&mut self, changes: Changes) -> Result<(), RepoError> {
        self.staged.stage(changes)
    }

    fn stage_key(&mut self, record: KeyRecord) {
        self.staged.stage_key(record);
    }

    async fn commit(self) -> Result<(), RepoError> {
        let Self { store, staged, locking } = self;
        match locking {
            _ if staged.is_empty() => Ok(()),
            None => store.parts.group_commit.submit(TenantHash::of(staged.tenant.as_str()), staged).await,
            // Boxed, because it is rare and would make the future of every commit larger.
            Some(transaction) => Box::pin(commit_own_transaction(store, staged, transaction)).await,
        }
    }
}

impl fmt::Debug for PgOrderRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOrderRepo").field("tenant", &self.staged.tenant).finish_non_exhaustive()
    }
}

async fn commit_own_transaction(
    store: PgStore,
    mut staged: ChangeSet,
    mut transaction: OwnTransaction,
) -> Result<(), RepoError> {
    let (connection, mut time) = transaction.parts()?;
    let written = time.bound(write(connection, &[&staged])).await?;
    if let Some(refusal) = written.refusals.values().next() {
        return Err((*refusal).into());
    }
    transaction.commit().await?;
    let events = staged.staged_events().zip(written.sequences);
    store.parts.listeners.committed(1, written.positions.start, events);
    staged.pass_states_on();
    Ok(())
}

async fn lock_order(transaction: &mut OwnTransaction, tenant: &TenantId, id: OrderId) -> Result<(), RepoError> {
    let (connection, mut time) = transaction.parts()?;
    let lock = sqlx::query!(
        "select version from orders where tenant_id = $1 and order_id = $2 for no key update",
        tenant.as_str(),
        id.as_uuid(),
    );
    time.bound(lock.fetch_optional(connection).map_err(repo_error)).await?;
    Ok(())
}
