use std::future::Future;

use crate::{
    app::KeyRecord,
    domain::{Order, OrderEvent, OrderId, OrderState},
};

use super::RepoError;

/// What one unit of work of one tenant can do: find, stage, commit.
///
/// Staging keeps changes in the memory of this process and never waits. `commit` writes everything that was staged, or
/// nothing. Nobody else sees any of it before `commit`, and a repository that is dropped leaves nothing behind.
///
/// The methods that wait return `impl Future + Send` instead of being `async fn`. A generic caller could not spawn the
/// future of a plain `async fn` in a trait, because nothing says that it is `Send`. Implementations may write `async fn`.
pub trait OrderRepo: Send + Sized {
    /// Reads the order as this unit of work sees it: with the changes that it has staged.
    fn find(&mut self, id: OrderId, lock: Lock) -> impl Future<Output = Result<Option<Order>, RepoError>> + Send;

    /// Adds these changes to what `commit` writes. `commit` refuses them if the stored order has left the version that
    /// was read.
    fn stage(&mut self, changes: Changes) -> Result<(), RepoError>;

    /// Adds the outcome of a request with a key to what `commit` writes. `commit` refuses it if the key is taken.
    fn stage_key(&mut self, record: KeyRecord);

    /// Writes everything that was staged, with the events at their positions in the event log, in one transaction.
    fn commit(self) -> impl Future<Output = Result<(), RepoError>> + Send;
}

/// Whether a read keeps other writers away from the order until the unit of work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Others may change the order. `stage` or `commit` then answers `Conflict`.
    None,
    /// Others wait.
    Write,
}

/// What a use case did to one order: the order as it is now, and the events since it was read.
#[derive(Clone, Debug)]
pub struct Changes {
    pub state: OrderState,
    pub events: Vec<OrderEvent>,
}

impl Changes {
    /// `None` if nothing happened to the order.
    pub fn from_order(order: Order) -> Option<Self> {
        let (state, events) = order.into_state_and_events();
        (!events.is_empty()).then_some(Self { state, events })
    }

    /// The version that was read; 0 for a new order.
    pub fn read_at(&self) -> u32 {
        self.events.first().map_or(self.state.version, |event| event.version - 1)
    }
}
