//! The rows of a statement as one array a column.

use crate::{
    app::{Changes, RepoError},
    domain::TenantId,
    infra::postgres::rows::number_to_store,
};

/// The changes of one order, and its tenant.
pub(super) type TenantChanges<'a> = (&'a TenantId, &'a Changes);

/// One column of the rows.
pub(super) fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// One column of numbers, in the integer type of the schema.
pub(super) fn numbers<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Result<Vec<i32>, RepoError>
where
    i32: TryFrom<T, Error: std::error::Error + Send + Sync + 'static>,
{
    rows.iter().map(|row| number_to_store(value(row))).collect()
}
