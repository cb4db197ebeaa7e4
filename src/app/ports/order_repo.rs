use std::future::Future;

use crate::{
    app::KeyRecord,
    domain::{Order, OrderEvent, OrderId, OrderState},
};

use super::RepoError;

/// What one unit of work of one tenant can do. What it writes is seen by nobody else before `commit`; dropping it leaves nothing.
///
/// `-> impl Future + Send` rather than `async fn`: a generic caller of a plain `async fn` in a trait is not `Send`,
/// so a background task could not be spawned over it. Implementations may write `async fn`.
pub trait OrderRepo: Send + Sized {
    fn find(&mut self, id: OrderId, lock: Lock) -> impl Future<Output = Result<Option<Order>, RepoError>> + Send;

    /// Writes these changes and nothing else, if the order is still at the version that was read when they are committed.
    fn apply(&mut self, changes: &Changes) -> impl Future<Output = Result<(), RepoError>> + Send;

    /// Writes what the request led to under its key, if the key is still free when it is committed.
    fn remember(&mut self, record: &KeyRecord) -> impl Future<Output = Result<(), RepoError>> + Send;

    /// Appends the events, which take their positions under the head's lock, as the last thing before they are committed.
    fn append(&mut self, written: &[Changes]) -> impl Future<Output = Result<(), RepoError>> + Send;

    fn commit(self) -> impl Future<Output = Result<(), RepoError>> + Send;
}

/// Whether others may change what is read while the unit of work is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// They may; then `apply` or `commit` answers `Conflict`.
    None,
    /// They wait.
    Write,
}

/// What a use case did to one order: the order as it is now and the events since it was read.
#[derive(Clone, Debug)]
pub struct Changes {
    pub state: OrderState,
    pub events: Vec<OrderEvent>,
}

impl Changes {
    /// Takes the events out of the order. `None` when nothing happened to it.
    pub fn of(mut order: Order) -> Option<Self> {
        let events = order.take_events();
        (!events.is_empty()).then(|| Self { state: order.state().clone(), events })
    }

    /// The version that was read; 0 for an order that is new.
    pub fn read_at(&self) -> u32 {
        self.events.first().map_or(self.state.version, |event| event.version - 1)
    }
}
