use std::future::Future;

use time::OffsetDateTime;

use crate::domain::{Amount, Currency, Status, TenantId};

use super::RepoError;

/// Figures of orders, from a read model of the event log.
pub trait OrderStats: Clone + Send + Sync + 'static {
    /// The figures of the orders that were created on these days. `days` are the begins of the days, and the end of the last
    /// one.
    fn order_stats(
        &self,
        tenant: &TenantId,
        days: &[OffsetDateTime],
        status: Option<Status>,
        currency: Option<Currency>,
    ) -> impl Future<Output = Result<DailyFigures, RepoError>> + Send;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyFigures {
    /// The figures hold up to this position of the event log.
    pub position: u64,
    /// By day, status and currency. No row counts no orders.
    pub rows: Vec<DayFigures>,
}

/// The orders of one day that have the same status and currency now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// The index of the day.
    pub day: usize,
    /// A newer release may have other ones.
    pub status: String,
    pub orders: u64,
    pub units: u64,
    /// In the currency of the orders.
    pub amount: Amount,
}
