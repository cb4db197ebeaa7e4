use std::time::Duration;

use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions, query_scalar};

use crate::infra::postgres::{connection::open_session, errors::StatementError, migrate::SCHEMA_VERSION};

use super::{audit::Audit, progress::Progress, report::VerifyReport};

/// Why the check is impossible.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Connect(StatementError),
    #[error("the schema is older than this release; start the service once to migrate it")]
    Schema,
    #[error("the database no longer responds")]
    Read(#[source] StatementError),
}

impl From<sqlx::Error> for VerifyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Read(StatementError(error))
    }
}

/// Checks every position and every order. Reads one snapshot, in memory that does not grow with the database. Calls
/// `progress` at intervals.
pub async fn verify(options: &PgConnectOptions, progress: impl FnMut(&str)) -> Result<VerifyReport, VerifyError> {
    // A large database takes longer than the limit of a request.
    let no_timeouts = [("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")];
    let options = options.clone().options(no_timeouts).log_slow_statements(log::LevelFilter::Off, Duration::ZERO);
    let mut connection = open_session(&options).await.map_err(|error| VerifyError::Connect(StatementError(error)))?;
    let mut transaction = connection.begin_with("begin isolation level repeatable read read only").await?;
    let schema = query_scalar!("select max(version) from refinery_schema_history").fetch_one(&mut *transaction).await;
    match schema {
        Ok(applied) if applied >= Some(*SCHEMA_VERSION) => {}
        Ok(_) => return Err(VerifyError::Schema),
        // The table does not exist.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
            return Err(VerifyError::Schema);
        }
        Err(error) => return Err(error.into()),
    }
    let progress = Progress::new(progress);
    let mut audit = Audit { connection: &mut transaction, report: VerifyReport::default(), progress };
    audit.check_positions().await?;
    // A missing position is also a missing sequence, which would only say the same again.
    if audit.report.is_clean() {
        audit.check_sequences().await?;
    }
    audit.check_orders().await?;
    // Figures that differ from a wrong order would only say the same again.
    if audit.report.is_clean() {
        audit.check_figures().await?;
    }
    let report = audit.report;
    transaction.rollback().await?;
    Ok(report)
}
