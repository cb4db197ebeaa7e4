use sqlx::PgConnection;

use super::{progress::Progress, report::VerifyReport};

/// A check in progress. Its connection sees one snapshot of the database.
pub(super) struct Audit<'c, F> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) report: VerifyReport,
    pub(super) progress: Progress<F>,
}
